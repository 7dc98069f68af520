import type { ApplyResponse } from "@heddle/contracts";
import type { ChangeOutcome } from "../revisions/change-request.ts";
import { textsOf } from "../revisions/coded-warning.ts";
import { toPropagation } from "../stream/hub.ts";

/** Waits for the proxies (2 s at most) and tells how far the change got. */
export async function toApplyResponse(
  { revision, changes, warnings, savedAt, delivery, push }: ChangeOutcome,
  startedAt: number,
): Promise<ApplyResponse> {
  const answer = {
    revision,
    changes: [...changes],
    warnings: textsOf(warnings),
    ...(push && { push }),
  };
  if (!delivery) return answer;
  const settled = await delivery.settle();
  return { ...answer, propagation: toPropagation(settled, startedAt, savedAt) };
}
