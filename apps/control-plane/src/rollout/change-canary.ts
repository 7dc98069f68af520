import type { CanaryChangeResponse, ChangeSource } from "@heddle/contracts";
import { formatId, type ServiceId } from "@heddle/mesh";
import { editYaml } from "@heddle/resources";
import type { Registry } from "../registry/registry.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import type { ChangeRequest } from "../revisions/change-request.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { round } from "../stream/hub.ts";
import { canaryPercent, describeSide, type FoundCanary, findCanary } from "./find-canary.ts";

export type CanaryChange = {
  readonly service: ServiceId;
  readonly canaryPercent: number;
  readonly kind: "weight" | "rollback";
  /** It is the end of the trial, not one more step. */
  readonly isPromotion?: boolean;
  readonly author: string;
  readonly source: ChangeSource;
  readonly reason: string | undefined;
  /** What the client measured between the click and its request, ms. */
  readonly sinceClickMs: number;
  /** `performance.now()` when the request arrived. */
  readonly startedAt: number;
  readonly authorize: NonNullable<ChangeRequest["authorize"]>;
};

/**
 * Sets a canary's weight and answers when every concerned proxy has acked. A proxy's ack says when it
 * last sent a request to the canary; the latest of these is the last canary request.
 */
export async function changeCanary(
  config: MeshConfig,
  registry: Registry,
  change: CanaryChange,
): Promise<CanaryChangeResponse> {
  const arrivedAtMs = Date.now() - (performance.now() - change.startedAt);
  const clickedAtMs = arrivedAtMs - change.sinceClickMs;
  const before = getCanary(config.snapshot, change.service);
  const outcome = await config.change({
    ...change,
    summary: summaryOf(before, change),
    plan: (snapshot) => [planWeight(getCanary(snapshot, change.service), change.canaryPercent)],
  });
  const sinceClick = (at: number) => round(at - change.startedAt + change.sinceClickMs);
  const answer = {
    revision: outcome.revision || before.document.revision,
    savedAfterMs: sinceClick(outcome.savedAt),
    previousCanaryPercent: round(canaryPercent(before)),
  };
  if (!outcome.delivery) return { ...answer, proxiesAcked: 0, proxiesTotal: 0 };
  const delivery = await outcome.delivery.settle();
  const counts = { proxiesAcked: delivery.acked, proxiesTotal: delivery.total };
  if (delivery.allAckedAt === undefined) return { ...answer, ...counts };
  const canaries = describeSide(
    config.snapshot,
    before,
    "canary",
    registry.instancesOfService(formatId(change.service)),
  ).workloads;
  const sends = canaries.flatMap((workload) => delivery.lastSendsMs.get(workload) ?? []);
  const lastMs = sends.length > 0 && change.canaryPercent === 0 ? Math.max(...sends) : undefined;
  return {
    ...answer,
    ...counts,
    ackedAfterMs: sinceClick(delivery.allAckedAt),
    ...(lastMs === undefined
      ? {}
      : { lastCanaryRequestAfterMs: round(lastMs - clickedAtMs), lastCanaryRequestAtMs: lastMs }),
  };
}

function getCanary(snapshot: ConfigSnapshot, service: ServiceId): FoundCanary {
  const found = findCanary(snapshot, formatId(service));
  if (found) return found;
  throw new NotFoundError(
    `${formatId(service)} has no canary: no route of it splits between exactly two subsets`,
  );
}

/** Edits only the two weights; comments and everything else stay. */
function planWeight(found: FoundCanary, percent: number) {
  const { resource, yaml } = found.document;
  const weightOf = (index: number) => ["spec", "http", found.routeIndex, "route", index, "weight"];
  if (percent < 0 || percent > 100) throw new ChangeRefusedError("a share is 0 to 100 percent");
  const isAlready = canaryPercent(found) === percent;
  const edited = isAlready
    ? yaml
    : editYaml(yaml, [
        { path: weightOf(0), value: 100 - percent },
        { path: weightOf(1), value: percent },
      ]);
  return { ref: resource, after: parseOne(edited) };
}

function summaryOf(
  found: FoundCanary,
  { kind, canaryPercent, isPromotion = false }: CanaryChange,
): string {
  const { service, stable, canary } = found;
  if (isPromotion) return `${service.name} ${canary.subset} promoted over ${stable.subset}`;
  if (kind === "rollback")
    return `${service.name} ${canary.subset} rolled back to ${stable.subset}`;
  return `${service.name} ${canary.subset} to ${canaryPercent} %`;
}
