import type { InstanceOverrideRequest } from "@heddle/contracts";
import { formatRef, type InstanceOverrideDocument } from "@heddle/resources";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { DocumentOf } from "../snapshot/mesh-document.ts";

/** Whose override: a workload's instance at an address, `10.0.0.7:15006`, or all of the workload there. */
export type OverrideTarget = {
  readonly namespace: string;
  readonly workload: string;
  readonly address: string;
};

type Setting = Pick<
  InstanceOverrideRequest,
  "drain" | "weight" | "labels" | "locality" | "untilMs"
>;

/** The override of a target, if there is one. */
export function findOverride(
  { overrides }: ConfigSnapshot,
  target: OverrideTarget,
): DocumentOf<"InstanceOverride"> | undefined {
  return overrides.findLast(
    ({ resource }) =>
      resource.namespace === target.namespace &&
      resource.workload === target.workload &&
      formatAddress(resource) === target.address,
  );
}

/** The override with what is set now; without anything left to say it goes. Throws `ConfigFaultsError`. */
export function planOverride(
  snapshot: ConfigSnapshot,
  target: OverrideTarget,
  setting: Setting,
): PlannedDocument {
  const own = findOverride(snapshot, target)?.resource;
  const { namespace, workload, address } = target;
  const labels = pick(setting.labels, own?.labels) ?? {};
  const said = {
    drain: (setting.drain ?? own?.isDrained) === true ? true : undefined,
    weight: pick(setting.weight, own?.weight),
    labels: Object.keys(labels).length === 0 ? undefined : labels,
    locality: pick(setting.locality, own?.locality),
  };
  const name = own?.name ?? nameOf(target);
  if (Object.values(said).every((value) => value === undefined)) {
    return { ref: { kind: "InstanceOverride", namespace, name }, after: undefined };
  }
  const untilMs = pick(setting.untilMs, own?.untilMs);
  const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() };
  const document = {
    apiVersion: "heddle.dev/v1",
    kind: "InstanceOverride",
    metadata: { name, namespace },
    spec: { workload, address, ...said, ...until },
  };
  const after = parseOne(JSON.stringify(document)); // JSON is YAML; it is printed in the one way
  return { ref: after.resource, after };
}

/** "drained reviews-v1 at 10.0.0.7:15006", "weight 5 for …" */
export function summarizeOverride(target: OverrideTarget, setting: Setting): string {
  const { drain, weight, labels, locality } = setting;
  const what = [
    ...(drain === undefined ? [] : [drain ? "drained" : "back in use"]),
    ...(weight === undefined ? [] : [weight === null ? "its own weight" : `weight ${weight}`]),
    ...(labels === undefined ? [] : [labels === null ? "its own labels" : "other labels"]),
    ...(locality === undefined
      ? []
      : [locality === null ? "its own locality" : `locality ${locality}`]),
  ];
  return `${target.namespace}/${target.workload} at ${target.address}: ${what.join(", ")}`;
}

/** As the API and the endpoints say it. */
export function formatAddress({
  address,
  port,
}: Pick<InstanceOverrideDocument, "address" | "port">): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `null` takes a setting back, `undefined` leaves it. */
function pick<Value>(now: Value | null | undefined, before: Value | undefined): Value | undefined {
  return now === undefined ? before : (now ?? undefined);
}

function nameOf({ workload, address }: OverrideTarget): string {
  const place = address
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `${workload}-${place}`;
}

/** Those whose time is over. */
export function endedOverrides(
  { overrides }: ConfigSnapshot,
  nowMs: number,
): DocumentOf<"InstanceOverride">[] {
  return overrides.filter(({ resource: { untilMs } }) => untilMs !== undefined && untilMs <= nowMs);
}

export function namesOf(overrides: readonly DocumentOf<"InstanceOverride">[]): string {
  return overrides
    .map(({ resource }) => `${resource.workload} at ${formatAddress(resource)}`)
    .join(", ");
}

export function refKeyOf({ resource }: DocumentOf<"InstanceOverride">): string {
  return formatRef(resource);
}
