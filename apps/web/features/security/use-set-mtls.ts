"use client";

import { ApplyResponse, type WorkloadState } from "@heddle/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { apiPath, putJson } from "../../lib/api-client.ts";
import { markConfigStale } from "../../lib/queries/use-change-events.ts";
import { formatDuration } from "../../lib/times.ts";
import { useToast } from "../../ui/toast.tsx";
import type { MtlsMode } from "./mtls-rows.ts";

/** Sets what one workload demands of its callers; ends in a toast that can take it back. */
export function useSetMtls(workload: WorkloadState) {
  const client = useQueryClient();
  const toast = useToast();
  const { namespace, name } = workload;
  const mutation = useMutation({
    mutationFn: ({ mode }: { mode: MtlsMode; before: MtlsMode }) =>
      putJson(apiPath(["mtls", namespace, name]), { mode, source: "console" }, ApplyResponse),
    onSuccess: (answer, { mode, before }) => {
      markConfigStale(client);
      toast({
        text: `${name} is ${mode}${spreadWords(answer)}.`,
        act: {
          label: "Undo",
          run: () => mutation.mutate({ mode: before, before: mode }),
        },
      });
    },
  });
  return mutation;
}

function spreadWords({ propagation }: ApplyResponse): string {
  if (propagation === undefined) return "";
  const { proxiesAcked, proxiesTotal, ackedAfterMs } = propagation;
  const time = ackedAfterMs === undefined ? "" : ` in ${formatDuration(Math.round(ackedAfterMs))}`;
  return ` on ${proxiesAcked} of ${proxiesTotal} proxies${time}`;
}
