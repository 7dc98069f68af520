"use client";

import type { ReviewDetail } from "@heddle/contracts";
import { Copy, Download } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { Button, ButtonLink } from "../../ui/button.tsx";
import { Chip } from "../../ui/chip.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { ApplyBar } from "./apply-bar.tsx";
import { lineMarks } from "./line-marks.ts";
import { OthersHere } from "./others-here.tsx";
import { PreviewPart } from "./preview-part.tsx";
import { applyWords, ratesOf, rateWords } from "./preview-words.ts";
import { ReviewCard } from "./reviews/review-card.tsx";
import styles from "./rule-editor.module.css";
import { RuleForm } from "./rule-form.tsx";
import { copyHref } from "./rule-href.ts";
import { RuleNotices } from "./rule-notices.tsx";
import type { RuleRef } from "./rule-ref.ts";
import { editRule, rangeOfPath, readRule, type YamlEdit } from "./rule-yaml.ts";
import { saveFile } from "./save-file.ts";
import { useDraft } from "./use-draft.ts";
import { useDraftAnswers } from "./use-draft-answers.ts";
import { useEditorKeys } from "./use-editor-keys.ts";
import { useRuleActs } from "./use-rule-acts.ts";
import type { YamlEditor } from "./yaml-pane.tsx";
import { YamlPart } from "./yaml-part.tsx";

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
  review,
}: {
  readonly id: string;
  /** The document the page is about; absent: a new one, which names itself. */
  readonly opened: RuleRef | undefined;
  readonly stands: Standing;
  /** Somebody asks for a look at this draft; absent: it is one's own. */
  readonly review?: ReviewDetail | undefined;
}) {
  const { state, isChanged, setText, rebase } = useDraft(id, begunFrom(stands, review));
  const { text, base, baseRevision } = state;
  const editor = useRef<YamlEditor>(null);
  const rule = useMemo(() => readRule(text), [text]);
  const before = useMemo(() => readRule(base), [base]);
  const marks = useMemo(() => lineMarks(base, text), [base, text]);
  const identity = rule.kind === "rule" ? rule.identity : undefined;
  const name = identity?.name || "rule";
  const namespace = opened?.namespace ?? identity?.namespace ?? "default";
  const readOnlyReason = useReadOnlyReason(namespace);
  const isNew = baseRevision === 0;
  const isDraft = isChanged || isNew;

  // The document has moved on: an untouched text follows it, a draft is kept and asks.
  const isStale = stands.revision > baseRevision && opened !== undefined;
  useEffect(() => {
    if (!isStale || isChanged) return;
    rebase(stands.yaml, stands.revision);
    editor.current?.replace(stands.yaml);
  }, [isStale, isChanged, stands, rebase]);

  const answers = useDraftAnswers({ text, base, rule, isNew, namespace });
  const { answer, findings, preview } = answers;
  const edit = (edits: readonly YamlEdit[]) => {
    if (rule.kind === "rule") editor.current?.replace(editRule(text, edits));
  };
  const acts = useRuleActs({ id, opened, state, identity, rebase, editor, review });
  const beginFrom = (theirs: Standing, draft: string) => {
    rebase(theirs.yaml, theirs.revision);
    editor.current?.replace(draft);
    acts.closeMerge();
  };

  const applyButton = useRef<HTMLButtonElement>(null);
  const blocking = findings.find(({ blocks }) => blocks);
  const disabledReason =
    readOnlyReason ??
    (rule.kind === "fault"
      ? `The YAML cannot be read: ${rule.message}`
      : !isDraft
        ? "Nothing is changed."
        : blocking === undefined
          ? answers.refusal
          : `The control plane would refuse it: ${blocking.message}`);
  useEditorKeys({
    onApply: () => {
      if (disabledReason === undefined) acts.ask();
      else applyButton.current?.focus(); // says why on focus
    },
    onUndo: () => editor.current?.undo(),
    onRedo: () => editor.current?.redo(),
  });

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
          {opened !== undefined && <OthersHere subject={subjectOf(opened)} />}
          {state.isUnsaved && <b>this browser keeps no draft: it ends with the page</b>}
        </>
      }
      actions={
        <>
          {text !== (review?.yaml ?? base) && (
            <Button kind="ghost" onClick={() => editor.current?.replace(review?.yaml ?? base)}>
              Discard
            </Button>
          )}
          {opened !== undefined && review === undefined && readOnlyReason === undefined && (
            <ButtonLink kind="ghost" icon={<Copy size={15} />} href={copyHref(opened)}>
              Duplicate
            </ButtonLink>
          )}
          <Button icon={<Download size={15} />} onClick={() => saveFile(`${name}.yaml`, text)}>
            Export
          </Button>
        </>
      }
    >
      {review !== undefined && (
        <ReviewCard
          review={review}
          readOnlyReason={readOnlyReason}
          isTextChanged={text !== review.yaml}
        />
      )}
      <RuleNotices
        readOnlyReason={readOnlyReason}
        opened={opened}
        identity={identity}
        movedTo={isStale && isChanged ? stands.revision : undefined}
        merge={acts.merge}
        isComparing={acts.isComparing}
        onCompare={acts.compare}
        onMerged={(merged) => {
          const { theirs = "", theirsRevision = 0 } = acts.merge ?? {};
          beginFrom({ yaml: theirs, revision: theirsRevision }, merged);
        }}
        onTakeTheirs={() => beginFrom(stands, stands.yaml)}
        onKeep={acts.closeMerge}
      />
      <div className={styles.editor}>
        <RuleForm
          rule={rule}
          before={before}
          findings={findings}
          rates={ratesOf(answer)}
          readOnlyReason={readOnlyReason}
          onEdit={edit}
          onShow={(path) => {
            const [at] = rangeOfPath(text, path) ?? [];
            if (at !== undefined) editor.current?.goTo(at);
          }}
        />
        <YamlPart
          editor={editor}
          rule={rule}
          text={text}
          marks={marks.marks}
          findings={findings}
          isChecking={answers.isBehind || answers.isChecking}
          notChecked={preview.error?.message}
          readOnlyReason={readOnlyReason}
          onChange={setText}
          onEdit={edit}
        />
      </div>
      {isDraft && rule.kind === "rule" && (
        <PreviewPart
          preview={preview}
          isBehind={answers.isBehind}
          file={`${name}.yaml`}
          onHour={answers.onLongerWindow}
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
        onDelete={
          opened === undefined || stands.revision === 0 || review !== undefined
            ? undefined
            : acts.remove
        }
        review={
          review === undefined
            ? { act: "Ask for review", isPending: acts.isSending, onAct: acts.askReview }
            : text === review.yaml
              ? undefined
              : { act: "Keep in the review", isPending: acts.isSending, onAct: acts.askReview }
        }
      />
    </PageFrame>
  );
}

/** A review's draft is held against what it was begun from, be that in force or not. */
function begunFrom(stands: Standing, review: ReviewDetail | undefined) {
  if (review === undefined) return stands;
  const before = review.changes.flatMap((one) => one.before ?? []);
  return {
    yaml: before
      .map((one) => one.trimEnd())
      .join("\n---\n")
      .concat("\n"),
    revision: review.documents[0]?.baseRevision ?? 0,
    text: review.yaml,
  };
}

function subjectOf({ kind, namespace, name }: RuleRef): string {
  return `${kind}/${namespace}/${name}`;
}
