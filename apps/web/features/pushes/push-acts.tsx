"use client";

import type { CanariedPush } from "@heddle/contracts";
import { CheckCheck, Undo2 } from "lucide-react";
import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ReasonField } from "../history/restore-outcome.tsx";
import { useReadOnlyReasonOf } from "../security/use-read-only-reason-of.ts";
import { revisionWords } from "./push-words.ts";
import styles from "./pushes.module.css";
import { useEndPush } from "./use-pushes.ts";

/** The two ways a running push can be ended by hand, each asked first. */
export function PushActs({ push }: { readonly push: CanariedPush }) {
  const [asked, setAsked] = useState<"finish" | "stop">();
  const [reason, setReason] = useState("");
  const end = useEndPush();
  const readOnlyReasonOf = useReadOnlyReasonOf();
  const readOnlyReason = push.resources
    .map(({ namespace }) => readOnlyReasonOf(namespace))
    .find((one) => one !== undefined);
  const what = revisionWords(push.revisions);
  const waiting = push.proxiesConcerned - push.first.length;
  if (asked !== undefined) {
    return (
      <ConfirmInPlace
        question={asked === "finish" ? `Push ${what} to all now?` : `Stop, and take ${what} back?`}
        act={asked === "finish" ? "Push to all" : "Take it back"}
        actIcon={asked === "finish" ? <CheckCheck size={16} /> : <Undo2 size={16} />}
        keep="Keep watching"
        tone={asked === "finish" ? "accent" : "bad"}
        isPending={end.isPending}
        onAct={() =>
          end.mutate({ id: push.id, act: asked, reason }, { onSettled: () => setAsked(undefined) })
        }
        onKeep={() => setAsked(undefined)}
      >
        {asked === "finish"
          ? `The ${waiting} others get it without the rest of the watch.`
          : "The first proxies go back to what the others run, as a new revision."}
        <ReasonField value={reason} onChange={setReason} />
      </ConfirmInPlace>
    );
  }
  return (
    <div className={styles.acts}>
      <Button disabledReason={readOnlyReason} onClick={() => setAsked("finish")}>
        Push to all now
      </Button>
      <Button kind="danger-soft" disabledReason={readOnlyReason} onClick={() => setAsked("stop")}>
        Stop
      </Button>
    </div>
  );
}
