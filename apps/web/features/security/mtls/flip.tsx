"use client";

import type { MtlsScope, PreflightCaller } from "@heddle/contracts";
import { FlaskConical, Lock as LockIcon, LockOpen } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import styles from "./flip.module.css";
import {
  type Guard,
  MODE_CHOICES,
  type ModeChoice,
  modeChoiceOf,
  offeredChoice,
  scopeInWords,
  setCommand,
  setRequest,
  USUAL_GUARD,
  undoRequest,
} from "./flip-choice.ts";
import { type FlipWords, refusedWords, strictWords } from "./flip-words.ts";
import { GuardSelect } from "./guard-select.tsx";
import type { MtlsRow } from "./mtls-rows.ts";
import { useSetMtls } from "./use-set-mtls.ts";

const GLYPHS = { ok: "healthy", warn: "degraded", idle: "unknown" } as const;
const ICONS = { permissive: LockOpen, "dry-run": FlaskConical, strict: LockIcon } as const;

/** The mode switch of one workload, the guard, what both would do, the act, and the line that does the same. */
export function Flip({
  row,
  callers,
  windowMs,
  readOnlyReason,
}: {
  readonly row: MtlsRow;
  /** `undefined`: nobody has counted, so nothing is known. */
  readonly callers: readonly PreflightCaller[] | undefined;
  readonly windowMs: number;
  readonly readOnlyReason: string | undefined;
}) {
  const { ladder } = row;
  const { namespace, workload } = ladder;
  const scope: MtlsScope = { kind: "workload", namespace, workload };
  const standing = modeChoiceOf(ladder);
  const [picked, setPicked] = useState<ModeChoice>();
  const [guard, setGuard] = useState<Guard | undefined>(USUAL_GUARD);
  const [isAsking, setIsAsking] = useState(false);
  const setMtls = useSetMtls(scope);
  const choice = picked ?? offeredChoice(ladder);
  const words = wordsOf(choice, ladder.mode, callers, guard, windowMs);
  const act = () =>
    setMtls.mutate(
      { request: setRequest(choice, guard), undo: undoRequest(ladder) },
      {
        onSuccess: () => setPicked(undefined),
        onSettled: () => setIsAsking(false),
      },
    );
  if (choice === "strict" && (isAsking || setMtls.isPending)) {
    return (
      <ConfirmInPlace
        question={`Refuse all plaintext to ${workload}?`}
        act={`Refuse plaintext to ${workload}`}
        actIcon={<LockIcon size={15} />}
        keep={`Keep ${ladder.mode}`}
        tone={words.tone === "warn" ? "bad" : "accent"}
        isPending={setMtls.isPending}
        onAct={act}
        onKeep={() => setIsAsking(false)}
      >
        {words.lead} {words.rest} Callers inside the mesh notice nothing; one click takes it back.
      </ConfirmInPlace>
    );
  }
  const Icon = ICONS[choice];
  return (
    <>
      {setMtls.isError && (
        <ErrorPart title={`${workload} was not changed`} detail={setMtls.error.message} />
      )}
      <div className={styles.flip}>
        <p className={styles.note} data-tone={words.tone}>
          <StatusGlyph status={GLYPHS[words.tone]} sizePx={14} isBesideWord />
          <span>
            <b>{words.lead}</b> {words.rest}
          </span>
        </p>
        <div className={styles.controls}>
          <div className={styles.choices}>
            <Segmented
              label={`Mode of ${workload}`}
              choices={MODE_CHOICES}
              value={choice}
              onChange={setPicked}
            />
            {choice === "strict" && <GuardSelect guard={guard} onChange={setGuard} />}
          </div>
          <Button
            kind={choice === "permissive" ? "secondary" : "primary"}
            size="large"
            isWide
            icon={<Icon size={15} />}
            disabledReason={readOnlyReason ?? sameReason(choice, standing, workload)}
            isPending={setMtls.isPending}
            onClick={() => (choice === "strict" ? setIsAsking(true) : act())}
          >
            {actInWords(choice, guard, workload)}
          </Button>
        </div>
      </div>
      <CodeLine command={setCommand(scope, choice, guard)} />
      {readOnlyReason !== undefined && <p className={styles.policy}>{readOnlyReason}</p>}
      <p className={styles.policy}>
        {ladder.policy === undefined
          ? `No PeerAuthentication covers ${scopeInWords(scope)}: PERMISSIVE is the default.`
          : `The mode comes from PeerAuthentication ${ladder.policy}.`}
      </p>
    </>
  );
}

function actInWords(choice: ModeChoice, guard: Guard | undefined, workload: string): string {
  if (choice === "dry-run") return `Start the dry run of ${workload}`;
  if (choice === "permissive") return `Set ${workload} PERMISSIVE`;
  return `Set ${workload} STRICT${guard === undefined ? "" : ", guarded"}`;
}

function sameReason(
  choice: ModeChoice,
  standing: ModeChoice | undefined,
  workload: string,
): string | undefined {
  if (choice !== standing) return undefined;
  return choice === "dry-run"
    ? `The dry run of ${workload} runs already.`
    : `${workload} is ${choice.toUpperCase()} already.`;
}

function wordsOf(
  choice: ModeChoice,
  mode: MtlsRow["ladder"]["mode"],
  callers: readonly PreflightCaller[] | undefined,
  guard: Guard | undefined,
  windowMs: number,
): FlipWords {
  if (callers === undefined) {
    return {
      tone: "idle",
      lead: "Who would break is not known.",
      rest: "No collector has counted in the last day; wait for one before you refuse plaintext.",
    };
  }
  if (mode === "STRICT") return refusedWords(callers, windowMs);
  if (choice === "dry-run") {
    return {
      tone: "ok",
      lead: "Nothing is refused in a dry run.",
      rest: "The inbound proxies count what STRICT would refuse, caller by caller.",
    };
  }
  return strictWords(callers, guard, windowMs);
}
