"use client";

import { type ReviewDetail, ReviewDetail as ReviewShape, ReviewsResponse } from "@heddle/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, getJson, postJson, putJson } from "../../../lib/api-client.ts";
import { queryKeys } from "../../../lib/queries/query-keys.ts";
import { useToast } from "../../../ui/toast.tsx";

/** Reviews change by event (`useChangeEvents`); the slow poll mends what a lost event would leave stale. */
const MEND_EVERY_MS = 15_000;

/** A draft as it is sent: the text, and what it was begun from. */
export interface ReviewDraft {
  readonly yaml: string;
  readonly note: string;
  readonly expected: readonly {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly revision: number;
  }[];
}

export type ReviewStep =
  | { readonly step: "comments"; readonly text: string }
  | { readonly step: "approve"; readonly text: string; readonly seenChanges: number }
  | { readonly step: "withdraw" };

/** Those that wait, newest first. */
export function useOpenReviews() {
  return useQuery({
    queryKey: [...queryKeys.reviews, "open"],
    queryFn: ({ signal }) => getJson("/reviews?state=open", ReviewsResponse, signal),
    refetchInterval: MEND_EVERY_MS,
  });
}

export function useReview(id: string) {
  return useQuery({
    queryKey: [...queryKeys.reviews, id],
    queryFn: ({ signal }) => getJson(apiPath(["reviews", id]), ReviewShape, signal),
    refetchInterval: MEND_EVERY_MS,
  });
}

/** Asks for a review; with an id, puts another text under that one. */
export function useSendReview(id: string | undefined) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ yaml, note, expected }: ReviewDraft): Promise<ReviewDetail> => {
      const body = { yaml, expected, ...(note !== "" && { note }) };
      return id === undefined
        ? postJson("/reviews", body, ReviewShape)
        : putJson(apiPath(["reviews", id]), body, ReviewShape);
    },
    onSuccess: () => client.invalidateQueries({ queryKey: queryKeys.reviews }),
  });
}

/** Says something to a review, approves it or ends it. */
export function useReviewStep(id: string) {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (one: ReviewStep): Promise<ReviewDetail> => {
      const { step, ...said } = one;
      return postJson(apiPath(["reviews", id, step]), said, ReviewShape);
    },
    onSuccess: () => client.invalidateQueries({ queryKey: queryKeys.reviews }),
    onError: (error) => toast({ text: error.message, tone: "bad" }),
  });
}
