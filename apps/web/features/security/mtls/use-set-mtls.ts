"use client";

import {
  MtlsGuardResponse,
  type MtlsScope,
  type MtlsSetRequest,
  MtlsSetResponse,
} from "@heddle/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { apiPath, deleteJson, putJson } from "../../../lib/api-client.ts";
import { queryKeys } from "../../../lib/queries/query-keys.ts";
import { markConfigStale } from "../../../lib/queries/use-change-events.ts";
import { formatDuration } from "../../../lib/times.ts";
import { useToast } from "../../../ui/toast.tsx";
import { guardWindowInWords, scopeInWords, scopePath } from "./flip-choice.ts";

type Flip = {
  readonly request: MtlsSetRequest;
  /** What takes it back; `undefined`: it is itself an undoing. */
  readonly undo: MtlsSetRequest | undefined;
};

/** Sets what a workload, a namespace or the mesh demands of callers; ends in a toast that can take it back. */
export function useSetMtls(scope: MtlsScope) {
  const client = useQueryClient();
  const toast = useToast();
  const mutation = useMutation({
    mutationFn: ({ request }: Flip) => putJson(apiPath(scopePath(scope)), request, MtlsSetResponse),
    onSuccess: (answer, { request, undo }) => {
      markConfigStale(client);
      toast({
        text: `${capital(scopeInWords(scope))} is ${modeInWords(request)}${spreadWords(answer)}${guardWords(answer)}.`,
        ...(undo && {
          act: { label: "Undo", run: () => mutation.mutate({ request: undo, undo: undefined }) },
        }),
      });
    },
  });
  return mutation;
}

/** Ends a guard: STRICT stays, nobody watches. */
export function useCancelGuard(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => deleteJson(apiPath(["mtls", "guards", id]), MtlsGuardResponse),
    onSettled: () => client.invalidateQueries({ queryKey: queryKeys.guards }),
  });
}

function modeInWords({ mode, dryRun }: MtlsSetRequest): string {
  return dryRun ? "in its dry run" : mode;
}

function guardWords({ guard }: MtlsSetResponse): string {
  return guard === undefined ? "" : `, guarded for ${guardWindowInWords(guard.windowMs)}`;
}

function spreadWords({ revision, propagation }: MtlsSetResponse): string {
  if (revision === 0) return " already";
  if (propagation === undefined) return "";
  const { proxiesAcked, proxiesTotal, ackedAfterMs } = propagation;
  const time = ackedAfterMs === undefined ? "" : ` in ${formatDuration(Math.round(ackedAfterMs))}`;
  return ` on ${proxiesAcked} of ${proxiesTotal} proxies${time}`;
}

function capital(words: string): string {
  return words.startsWith("all") || words.startsWith("the ")
    ? words.charAt(0).toUpperCase() + words.slice(1)
    : words;
}
