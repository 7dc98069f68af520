"use client";

import { ConflictProblem, type DocumentMerge, type ReviewDetail } from "@heddle/contracts";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ApiError } from "../../lib/api-error.ts";
import { formatCounted } from "../../lib/numbers.ts";
import { useToast } from "../../ui/toast.tsx";
import { heldBackWords } from "../pushes/push-words.ts";
import { useSendReview } from "./reviews/review-queries.ts";
import { dropDraft } from "./rule-drafts.ts";
import { ruleHref } from "./rule-href.ts";
import { askMerge, useApplyDraft, useDeleteRule } from "./rule-queries.ts";
import { isSameRule, type RuleRef } from "./rule-ref.ts";
import type { DraftState } from "./use-draft.ts";
import type { YamlEditor } from "./yaml-pane.tsx";

/** Applying, deleting and comparing, with what came of them. */
export function useRuleActs({
  id,
  opened,
  state,
  identity,
  rebase,
  editor,
  review,
}: {
  readonly id: string;
  readonly opened: RuleRef | undefined;
  readonly state: DraftState;
  readonly identity: RuleRef | undefined;
  readonly rebase: (yaml: string, revision: number) => void;
  readonly editor: { readonly current: YamlEditor | null };
  /** The review whose draft it is. */
  readonly review: ReviewDetail | undefined;
}) {
  const router = useRouter();
  const toast = useToast();
  const applied = useApplyDraft();
  const deleted = useDeleteRule();
  const undo = useApplyDraft();
  const sent = useSendReview(review?.id);
  const [isAsking, setIsAsking] = useState(false);
  const [loss, setLoss] = useState<string>();
  const [merge, setMerge] = useState<DocumentMerge>();
  const [isComparing, setIsComparing] = useState(false);
  const [error, setError] = useState<string>();
  const { text, base, baseRevision } = state;

  // A rule the YAML names otherwise is another one, which must not exist yet.
  const isOwn = opened === undefined || (identity !== undefined && isSameRule(identity, opened));
  const own = {
    kind: identity?.kind ?? "",
    namespace: identity?.namespace ?? "",
    name: identity?.name ?? "",
    revision: isOwn ? baseRevision : 0,
  };
  // The other documents of a review are as it was asked for.
  const others = (review?.documents ?? []).filter((one) => !isSameRule(one, own));
  const expected = [
    own,
    ...others.map(({ baseRevision: revision, ...ref }) => ({ ...ref, revision })),
  ];

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
      {
        yaml: text,
        reason,
        expected,
        ...(loss !== undefined && { acceptEndpointLoss: true }),
        ...(review !== undefined && { review: review.id }),
      },
      {
        onError: fail,
        onSuccess: ({ revision, changes, propagation, push, warnings }) => {
          setIsAsking(false);
          setLoss(undefined);
          const made = changes.find((one) => isSameRule(one, own));
          const stands = made?.after ?? text;
          rebase(stands, revision === 0 ? baseRevision : revision);
          editor.current?.replace(stands);
          if (revision === 0) return toast({ text: "Nothing differs from what is in force." });
          const spread =
            propagation === undefined
              ? ""
              : ` It runs on ${propagation.proxiesAcked} of ${formatCounted(propagation.proxiesTotal, "proxy", "proxies")}.`;
          const held = push === undefined ? "" : ` ${heldBackWords(push)}`;
          const [warning] = warnings;
          toast({
            text: `Applied as revision ${revision}.${spread}${held}${warning === undefined ? "" : ` ${warning}`}`,
            tone: warning === undefined ? "ok" : "warn",
            ...(baseRevision > 0 &&
              isOwn &&
              others.length === 0 && {
                act: {
                  label: "Undo",
                  run: () =>
                    undo.mutate(
                      {
                        yaml: base,
                        reason: `Undo revision ${revision}`,
                        expected: [{ ...own, revision }],
                      },
                      {
                        onError: (cause) =>
                          toast({ text: `Not taken back. ${messageOf(cause)}`, tone: "bad" }),
                      },
                    ),
                },
              }),
          });
          if (opened === undefined || !isOwn || review !== undefined) {
            dropDraft(localStorage, id);
            router.replace(ruleHref(own));
          }
        },
      },
    );
  };

  const remove = (reason: string): void => {
    if (opened === undefined) return;
    deleted.mutate(
      { ...opened, reason, acceptEndpointLoss: loss !== undefined },
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

  const askReview = (note: string): void => {
    setError(undefined);
    sent.mutate(
      { yaml: text, note, expected },
      {
        onError: fail,
        onSuccess: ({ id: reviewId, author }) => {
          dropDraft(localStorage, id);
          toast({
            text: review === undefined ? `${author} asks for a review.` : "The review is changed.",
          });
          router.replace(`/rules/review/${reviewId}`);
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
    askReview,
    isSending: sent.isPending,
    compare: () => void compare(),
    closeMerge: () => setMerge(undefined),
  };
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const fields = cause instanceof ApiError ? cause.fields : [];
  return [cause.message, ...fields.map(({ field, message }) => `${field}: ${message}`)].join(" ");
}
