import { type CanariedPush, FirstProxy, PushTally } from "@heddle/contracts";
import type { PushCount } from "@heddle/mesh";
import type { PushReportRow, StoredPush } from "@heddle/store";
import { z } from "zod";
import { add } from "./push-tallies.ts";

const Count = z.object({
  what: z.string(),
  first: PushTally,
  others: PushTally,
  before: PushTally,
});

/** What one control plane tells of its proxies; once a push has ended, what all have told. */
export const PushReport = z.object({ first: z.array(FirstProxy), counts: z.array(Count) });
export type PushReport = z.infer<typeof PushReport>;

const NONE = { requests: 0, errors: 0, denied: 0 };

/**
 * All reports as one; of a proxy that changed its control plane the youngest word holds. `deadSinceMs`: since when a
 * control plane is known to be gone; how its proxies stand nobody knows, so they are waited for from then on.
 */
export function mergeReports(
  rows: readonly PushReportRow[],
  deadSinceMs: (replicaId: string) => number | undefined = () => undefined,
): PushReport {
  const first = new Map<string, FirstProxy>();
  const counts = new Map<string, PushCount>();
  for (const { report, replicaId } of rows.toSorted((a, b) => a.reportedAtMs - b.reportedAtMs)) {
    const parsed = PushReport.safeParse(report);
    if (!parsed.success) continue; // of another version
    const sinceMs = deadSinceMs(replicaId);
    for (const one of parsed.data.first) {
      const isKnown = sinceMs === undefined || one.state === "nacked" || one.state === "left";
      first.set(one.proxyId, isKnown ? one : { ...one, state: "waiting", sinceMs });
    }
    for (const one of parsed.data.counts) {
      const known = counts.get(one.what);
      counts.set(one.what, known === undefined ? one : sumCounts(known, one));
    }
  }
  return { first: [...first.values()], counts: [...counts.values()] };
}

/** As the API tells it. `report`: of one that runs; one that has ended brings its own. */
export function toCanariedPush(
  push: StoredPush,
  running: PushReport,
  watchedSinceMs: number | undefined,
): CanariedPush {
  const ended = PushReport.safeParse(push.outcome).data;
  const { first, counts } = ended ?? running;
  const sum = (field: "first" | "others" | "before") =>
    counts.reduce((all, one) => add(all, one[field]), NONE);
  return {
    id: push.id,
    status: statusOf(push.status),
    revisions: [...push.revisions],
    resources: push.held.map(({ kind, namespace, name }) => ({ kind, namespace, name })),
    startedAtMs: push.startedAtMs,
    startedBy: push.startedBy,
    why: push.why,
    proxiesConcerned: push.proxiesConcerned,
    windowMs: push.windowMs,
    ...(watchedSinceMs === undefined ? {} : { watchedSinceMs }),
    first: first.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    counts: { first: sum("first"), others: sum("others"), before: sum("before") },
    words: push.words,
    ...(push.endedAtMs === undefined ? {} : { endedAtMs: push.endedAtMs }),
    ...(push.endedBy === undefined ? {} : { endedBy: push.endedBy }),
    ...(push.endRevision === undefined ? {} : { endRevision: push.endRevision }),
  };
}

function sumCounts(one: PushCount, other: PushCount): PushCount {
  return {
    what: one.what,
    first: add(one.first, other.first),
    others: add(one.others, other.others),
    before: add(one.before, other.before),
  };
}

function statusOf(status: string): CanariedPush["status"] {
  if (status === "running" || status === "stopped" || status === "overtaken") return status;
  return "finished";
}
