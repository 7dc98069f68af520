"use client";

import { ConflictProblem, type DocumentMerge } from "@heddle/contracts";
import { Download, Plus } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError } from "../../lib/api-error.ts";
import { formatCount, formatCounted, formatRate } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { useToast } from "../../ui/toast.tsx";
import { ApplyBar } from "./apply-bar.tsx";
import { BlastCard } from "./blast-card.tsx";
import { ConflictCard } from "./conflict-card.tsx";
import { type DraftFinding, draftFindings } from "./draft-findings.ts";
import { FieldsForm } from "./fields-form.tsx";
import { FindingList } from "./finding-list.tsx";
import { HttpForm } from "./http-form.tsx";
import { addRouteEdit, readRoutes } from "./http-routes.ts";
import { lineMarks } from "./line-marks.ts";
import { RoutesCard } from "./routes-card.tsx";
import styles from "./rule-editor.module.css";
import { ruleHref } from "./rule-href.ts";
import {
  askMerge,
  PREVIEW_WINDOWS_MS,
  type RuleRef,
  useApplyDraft,
  useDeleteRule,
  useDraftAnalysis,
  usePreview,
} from "./rule-queries.ts";
import { editRule, readRule, type YamlEdit } from "./rule-yaml.ts";
import { SimulationCard } from "./simulation-card.tsx";
import { useDebounced } from "./use-debounced.ts";
import { useDraft } from "./use-draft.ts";
import { useEditorKeys } from "./use-editor-keys.ts";
import { useSubsets } from "./use-subsets.ts";
import { type Place, type YamlEditor, YamlPane } from "./yaml-pane.tsx";

const ASK_AFTER_MS = 350;

/** The document as the control plane has it; revision 0: not at all. */
export interface Standing {
  readonly yaml: string;
  readonly revision: number;
}

/**
 * Form and text of one rule side by side, both the same draft; below, what applying it would do. The draft is kept in the
 * browser until it is applied or discarded.
 */
export function RuleEditor({
  id,
  opened,
  stands,
}: {
  readonly id: string;
  /** The document the page is about; absent: a new one, which names itself. */
  readonly opened: RuleRef | undefined;
  readonly stands: Standing;
}) {
  const { state, isChanged, setText, rebase } = useDraft(id, stands);
  const { text, base, baseRevision } = state;
  const editor = useRef<YamlEditor>(null);
  const rule = useMemo(() => readRule(text), [text]);
  const before = useMemo(() => readRule(base), [base]);
  const marks = useMemo(() => lineMarks(base, text), [base, text]);
  const identity = rule.kind === "rule" ? rule.identity : undefined;
  const namespace = opened?.namespace ?? identity?.namespace ?? "default";
  const readOnlyReason = useReadOnlyReason(namespace);
  const isNew = baseRevision === 0;

  // The document has moved on: an untouched text follows it, a draft is kept and asks.
  const isStale = stands.revision > baseRevision && opened !== undefined;
  useEffect(() => {
    if (!isStale || isChanged) return;
    rebase(stands.yaml, stands.revision);
    editor.current?.replace(stands.yaml);
  }, [isStale, isChanged, stands, rebase]);

  const settled = useDebounced(text, ASK_AFTER_MS);
  const isReadable = useMemo(() => readRule(settled).kind === "rule", [settled]);
  const isWanted = isReadable && (settled !== base || isNew);
  const [windowMs, setWindowMs] = useState<number>(PREVIEW_WINDOWS_MS[0]);
  const preview = usePreview(isWanted ? settled : undefined, windowMs);
  const analysis = useDraftAnalysis(isReadable ? settled : undefined, namespace);
  const answer = isChanged || isNew ? preview.data : undefined;
  const isBehind = settled !== text || (preview.isFetching && preview.isPlaceholderData);

  const findings = useMemo(
    () => draftFindings(text, identity, answer?.notes ?? [], analysis.data?.findings ?? []),
    [text, identity, answer, analysis.data],
  );
  const places = useMemo<readonly Place[]>(
    () =>
      findings.flatMap(({ range, severity }) =>
        range === undefined ? [] : [{ from: range[0], to: range[1], severity }],
      ),
    [findings],
  );
  const edit = (edits: readonly YamlEdit[]) => {
    if (rule.kind === "rule") editor.current?.replace(editRule(text, edits));
  };

  const acts = useActs({ id, opened, state, identity, rebase, editor });
  const blocking = findings.find(({ blocks }) => blocks);
  const applyButton = useRef<HTMLButtonElement>(null);
  const disabledReason =
    readOnlyReason ??
    (rule.kind === "fault"
      ? `The YAML cannot be read: ${rule.message}`
      : !isChanged && !isNew
        ? "Nothing is changed."
        : blocking !== undefined
          ? `The control plane would refuse it: ${blocking.message}`
          : preview.isError && preview.error instanceof ApiError && preview.error.status === 400
            ? preview.error.message
            : undefined);
  useEditorKeys({
    onApply: () => {
      if (disabledReason === undefined) acts.ask();
      else applyButton.current?.focus(); // says why on focus
    },
    onUndo: () => editor.current?.undo(),
    onRedo: () => editor.current?.redo(),
  });

  const isDraft = isChanged || isNew;
  return (
    <PageFrame
      className={styles.page}
      title={opened?.name ?? (identity?.name || "New rule")}
      status={
        <>
          {identity !== undefined && <Chip>{identity.kind}</Chip>}
          {isDraft ? (
            <Chip tone="accent" variant="soft">
              {isNew ? "New" : `Draft, ${formatCounted(marks.changes, "change")}`}
            </Chip>
          ) : (
            <span>as it stands</span>
          )}
          {!isNew && <span>on revision {baseRevision}</span>}
          {state.savedAtMs !== undefined && !state.isUnsaved && (
            <span>
              kept here <RelativeTime atMs={state.savedAtMs} />
            </span>
          )}
          {state.isUnsaved && <b>this browser keeps no draft: it ends with the page</b>}
        </>
      }
      actions={
        <>
          {isChanged && (
            <Button kind="ghost" onClick={() => editor.current?.replace(base)}>
              Discard
            </Button>
          )}
          <Button
            icon={<Download size={15} />}
            onClick={() => saveFile(`${identity?.name || "rule"}.yaml`, text)}
          >
            Export
          </Button>
        </>
      }
    >
      {readOnlyReason !== undefined && (
        <p className={styles.readOnly} role="note">
          {readOnlyReason}
        </p>
      )}
      {acts.merge !== undefined ? (
        <ConflictCard
          merge={acts.merge}
          onMerged={(merged) => {
            rebase(acts.merge?.theirs ?? "", acts.merge?.theirsRevision ?? 0);
            editor.current?.replace(merged);
            acts.closeMerge();
          }}
          onKeep={acts.closeMerge}
          onTakeTheirs={() => {
            rebase(stands.yaml, stands.revision);
            editor.current?.replace(stands.yaml);
            acts.closeMerge();
          }}
        />
      ) : (
        isStale &&
        isChanged && (
          <div className={styles.stale} role="status">
            <StatusGlyph status="degraded" isBesideWord />
            <span>
              The rule was changed meanwhile (revision {stands.revision}). Your draft is kept;
              compare before you apply.
            </span>
            <Button size="toolbar" isPending={acts.isComparing} onClick={acts.compare}>
              Compare
            </Button>
          </div>
        )
      )}
      {identity !== undefined && opened !== undefined && !isSame(identity, opened) && (
        <div className={styles.stale} role="status">
          <StatusGlyph status="degraded" isBesideWord />
          <span>
            The YAML names {identity.kind} {identity.namespace}/{identity.name}: applying makes that
            one, and {opened.kind} {opened.namespace}/{opened.name} stays as it is.
          </span>
        </div>
      )}
      <div className={styles.editor}>
        <FormPart
          rule={rule}
          before={before}
          findings={findings}
          rates={ratesOf(answer)}
          readOnlyReason={readOnlyReason}
          onEdit={edit}
        />
        <section className={styles.yaml} aria-label="YAML">
          <header className={styles.paneHead}>
            <h2>YAML</h2>
            <span className={styles.caption}>{identity?.apiVersion}</span>
            <span className={styles.paneActs}>
              <Verdict
                findings={findings}
                isBehind={isBehind || analysis.isFetching}
                failed={rule.kind === "fault" ? rule.message : preview.error?.message}
              />
            </span>
          </header>
          <div className={styles.text}>
            <YamlPane
              ref={editor}
              label={`YAML of ${identity?.name || "the rule"}`}
              text={text}
              isReadOnly={readOnlyReason !== undefined}
              marks={marks.marks}
              places={places}
              onChange={setText}
            />
          </div>
          {rule.kind === "fault" && (
            <p className={styles.unreadable} role="status">
              <StatusGlyph status="failing" isBesideWord />{" "}
              {rule.line !== undefined && `Line ${rule.line}: `}
              {rule.message}
            </p>
          )}
          <FindingList
            findings={findings}
            text={text}
            readOnlyReason={readOnlyReason}
            onShow={({ range }) => range && editor.current?.goTo(range[0])}
            onFix={({ fix }) => fix && edit(fix.edits)}
          />
        </section>
      </div>
      {isDraft && rule.kind === "rule" && (
        <PreviewPart
          preview={preview}
          isBehind={isBehind}
          file={`${identity?.name || "rule"}.yaml`}
          onHour={
            windowMs === PREVIEW_WINDOWS_MS[0]
              ? () => setWindowMs(PREVIEW_WINDOWS_MS[1])
              : undefined
          }
        />
      )}
      <ApplyBar
        words={applyWords(answer, isDraft)}
        changes={marks.changes}
        findings={findings.filter(({ blocks, severity }) => !blocks && severity !== "info").length}
        readOnlyReason={readOnlyReason}
        disabledReason={disabledReason}
        error={acts.error}
        isPending={acts.isPending}
        isAsking={acts.isAsking}
        question={`Apply ${identity?.name || "the rule"}${rateWords(answer)}?`}
        loss={acts.loss}
        applyButton={applyButton}
        onAsk={acts.ask}
        onKeep={acts.keep}
        onApply={acts.apply}
        onDelete={opened === undefined || stands.revision === 0 ? undefined : acts.remove}
      />
    </PageFrame>
  );
}

function FormPart({
  rule,
  before,
  findings,
  rates,
  readOnlyReason,
  onEdit,
}: {
  readonly rule: ReturnType<typeof readRule>;
  readonly before: ReturnType<typeof readRule>;
  readonly findings: readonly DraftFinding[];
  readonly rates: ReadonlyMap<string, number>;
  readonly readOnlyReason: string | undefined;
  readonly onEdit: (edits: readonly YamlEdit[]) => void;
}) {
  const isRoutes = rule.kind === "rule" && rule.identity.kind === "VirtualService";
  const routes = isRoutes ? readRoutes(rule.value) : [];
  const subsetsOf = useSubsets(rule.kind === "rule" ? rule.identity.namespace : "default");
  const old = before.kind === "rule" ? before.value : {};
  return (
    <section className={styles.form} aria-label="Form">
      <header className={styles.paneHead}>
        <h2>Form</h2>
        <span className={styles.caption}>both sides are the same rule</span>
        {isRoutes && (
          <span className={styles.paneActs}>
            <Button
              kind="ghost"
              size="toolbar"
              icon={<Plus size={14} />}
              disabledReason={readOnlyReason}
              onClick={() => onEdit(addRouteEdit(rule.value, routes))}
            >
              Add a match
            </Button>
          </span>
        )}
      </header>
      <div className={styles.formBody}>
        {rule.kind === "fault" ? (
          <p className={styles.note}>
            The YAML cannot be read now, so the form has nothing to show. {rule.message}
          </p>
        ) : rule.hasMore ? (
          <p className={styles.note}>
            The YAML holds more than one document. They are applied together; the form is for one.
          </p>
        ) : routes.length > 0 ? (
          <HttpForm
            routes={routes}
            before={readRoutes(old)}
            subsetsOf={subsetsOf}
            findings={findings}
            rates={rates}
            readOnlyReason={readOnlyReason}
            onEdit={onEdit}
          />
        ) : (
          <FieldsForm
            document={rule.value}
            before={old}
            findings={findings}
            readOnlyReason={readOnlyReason}
            onEdit={onEdit}
          />
        )}
      </div>
    </section>
  );
}

function Verdict({
  findings,
  isBehind,
  failed,
}: {
  readonly findings: readonly DraftFinding[];
  readonly isBehind: boolean;
  readonly failed: string | undefined;
}) {
  const errors = findings.filter(({ severity }) => severity === "fault").length;
  const rest = findings.length - errors;
  return (
    <span className={styles.verdict} role="status">
      {errors > 0 && (
        <b data-tone="bad">
          <StatusGlyph status="failing" isBesideWord /> {formatCounted(errors, "error")}
        </b>
      )}
      {rest > 0 && (
        <b data-tone="warn">
          <StatusGlyph status="degraded" isBesideWord /> {formatCounted(rest, "finding")}
        </b>
      )}
      {findings.length === 0 && <span>{failed === undefined ? "no findings" : "not checked"}</span>}
      {isBehind && <span>checking</span>}
    </span>
  );
}

function PreviewPart({
  preview,
  isBehind,
  file,
  onHour,
}: {
  readonly preview: ReturnType<typeof usePreview>;
  readonly isBehind: boolean;
  readonly file: string;
  readonly onHour: (() => void) | undefined;
}) {
  const { data } = preview;
  if (preview.isError) {
    return (
      <ErrorPart
        title="What it would do is not known"
        detail={preview.error.message}
        onRetry={() => void preview.refetch()}
      />
    );
  }
  if (data === undefined) {
    return (
      <div className={styles.cards}>
        <Card title="Routes, before and after">
          <Skeleton heightPx={120} />
        </Card>
        <Card title="Blast radius">
          <Skeleton heightPx={120} />
        </Card>
        <Card title="Simulation">
          <Skeleton heightPx={120} />
        </Card>
      </div>
    );
  }
  if (data.notes.some(({ level }) => level === "fault")) {
    return (
      <Card title="What it would do">
        <p className={styles.note}>It could not be applied as it is; mend the errors first.</p>
      </Card>
    );
  }
  return (
    <div className={styles.cards} data-behind={isBehind || undefined} aria-busy={isBehind}>
      <RoutesCard preview={data} />
      <BlastCard preview={data} file={file} />
      <SimulationCard preview={data} onWindow={onHour} />
    </div>
  );
}

type Preview = ReturnType<typeof usePreview>["data"];

function applyWords(preview: Preview, isDraft: boolean): string {
  if (!isDraft) return "Change something on either side; nothing takes effect before you apply it.";
  if (preview === undefined)
    return "Applying makes a new revision; one click in History takes it back.";
  const { proxyCount } = preview.blastRadius;
  const proxies =
    proxyCount === 0
      ? "No proxy is concerned now"
      : `${formatCounted(proxyCount, "proxy", "proxies")} ${proxyCount === 1 ? "takes" : "take"} it`;
  return `Applying makes revision ${formatCount(preview.revision + 1)} or later. ${proxies}; one click in History takes it back.`;
}

function rateWords(preview: Preview): string {
  const rate = preview?.blastRadius.perSecond;
  return rate === undefined || rate === 0 ? "" : `, which ${formatRate(rate)} pass`;
}

/** What falls on each route now, by its name. */
function ratesOf(preview: Preview): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const { route, fate, beforePerSecond } of preview?.services.flatMap(({ lines }) => lines) ??
    []) {
    if (beforePerSecond === undefined || fate !== "forwarded") continue;
    rates.set(route, (rates.get(route) ?? 0) + beforePerSecond);
  }
  return rates;
}

function isSame(a: RuleRef, b: RuleRef): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
}

function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Applying, deleting and comparing, with what came of them. */
function useActs({
  id,
  opened,
  state,
  identity,
  rebase,
  editor,
}: {
  readonly id: string;
  readonly opened: RuleRef | undefined;
  readonly state: ReturnType<typeof useDraft>["state"];
  readonly identity: RuleRef | undefined;
  readonly rebase: (yaml: string, revision: number) => void;
  readonly editor: { readonly current: YamlEditor | null };
}) {
  const router = useRouter();
  const toast = useToast();
  const applied = useApplyDraft();
  const deleted = useDeleteRule();
  const undo = useApplyDraft();
  const [isAsking, setIsAsking] = useState(false);
  const [loss, setLoss] = useState<string>();
  const [merge, setMerge] = useState<DocumentMerge>();
  const [isComparing, setIsComparing] = useState(false);
  const [error, setError] = useState<string>();
  const { text, base, baseRevision } = state;

  // A rule the YAML names otherwise is another one, which must not exist yet.
  const isOwn = opened === undefined || (identity !== undefined && isSame(identity, opened));
  const expected = {
    kind: identity?.kind ?? "",
    namespace: identity?.namespace ?? "",
    name: identity?.name ?? "",
    revision: isOwn ? baseRevision : 0,
  };

  const fail = (cause: unknown): void => {
    const conflict = cause instanceof ApiError ? ConflictProblem.safeParse(cause.body) : undefined;
    const [first] = conflict?.success ? conflict.data.merges : [];
    if (first !== undefined) {
      setMerge(first);
      setIsAsking(false);
      return;
    }
    if (cause instanceof ApiError && cause.code === "HEDDLE_ENDPOINT_LOSS") {
      setLoss(cause.message);
      return;
    }
    setIsAsking(false);
    setError(messageOf(cause));
  };

  const apply = (reason: string): void => {
    setError(undefined);
    applied.mutate(
      { yaml: text, reason, expected, ...(loss !== undefined && { acceptEndpointLoss: true }) },
      {
        onError: fail,
        onSuccess: ({ revision, changes, propagation, warnings }) => {
          setIsAsking(false);
          setLoss(undefined);
          const own = changes.find((one) => isSame(one, expected));
          const stands = own?.after ?? text;
          rebase(stands, revision === 0 ? baseRevision : revision);
          editor.current?.replace(stands);
          if (revision === 0) return toast({ text: "Nothing differs from what is in force." });
          const spread =
            propagation === undefined
              ? ""
              : ` It runs on ${propagation.proxiesAcked} of ${formatCounted(propagation.proxiesTotal, "proxy", "proxies")}.`;
          const [warning] = warnings;
          toast({
            text: `Applied as revision ${revision}.${spread}${warning === undefined ? "" : ` ${warning}`}`,
            tone: warning === undefined ? "ok" : "warn",
            ...(baseRevision > 0 &&
              isOwn && {
                act: {
                  label: "Undo",
                  run: () =>
                    undo.mutate(
                      {
                        yaml: base,
                        reason: `Undo revision ${revision}`,
                        expected: { ...expected, revision },
                      },
                      {
                        onError: (cause) =>
                          toast({ text: `Not taken back. ${messageOf(cause)}`, tone: "bad" }),
                      },
                    ),
                },
              }),
          });
          if (opened === undefined || !isOwn) {
            localStorage.removeItem(`heddle-draft ${id}`);
            router.replace(ruleHref(expected));
          }
        },
      },
    );
  };

  const remove = (reason: string): void => {
    if (opened === undefined) return;
    deleted.mutate(
      { ...opened, reason },
      {
        onError: fail,
        onSuccess: ({ revision }) => {
          rebase(text, baseRevision); // nothing to keep any more
          toast({
            text: `Deleted ${opened.name} as revision ${revision}.`,
            act: { label: "Show in History", run: () => router.push(`/history/${revision}`) },
          });
          router.replace("/rules");
        },
      },
    );
  };

  const compare = async (): Promise<void> => {
    setIsComparing(true);
    setError(undefined);
    try {
      const { merges } = await askMerge(text, expected);
      setMerge(merges[0]);
    } catch (cause) {
      setError(messageOf(cause));
    } finally {
      setIsComparing(false);
    }
  };

  return {
    isAsking,
    isPending: applied.isPending || deleted.isPending,
    isComparing,
    loss,
    merge,
    error,
    ask: () => {
      setError(undefined);
      setIsAsking(true);
    },
    keep: () => {
      setIsAsking(false);
      setLoss(undefined);
    },
    apply,
    remove,
    compare: () => void compare(),
    closeMerge: () => setMerge(undefined),
  };
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const fields = cause instanceof ApiError ? cause.fields : [];
  return [cause.message, ...fields.map(({ field, message }) => `${field}: ${message}`)].join(" ");
}
