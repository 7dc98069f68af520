import type { Bypass, BypassTarget } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { DocumentOf } from "../snapshot/mesh-document.ts";
import { bypassesOf, targetOf } from "./plan-bypass.ts";

const MTLS_STAYS = "Identities, certificates and mTLS stay: STRICT refuses plaintext as before.";

/** A bypass as the API tells it. */
export function describeBypass(
  document: DocumentOf<"Bypass">,
  snapshot: ConfigSnapshot,
  nowMs: number,
): Bypass {
  const { namespace, name, untilMs } = document.resource;
  const target = targetOf(document.resource, snapshot);
  return {
    ...{ namespace, name, target, untilMs },
    isActive: untilMs > nowMs,
    revision: document.revision,
    summary: summarizeBypass(target, untilMs),
    ...wordsOf(target),
  };
}

/** "web → reviews: straight to its endpoints until 23:15 UTC". */
export function summarizeBypass(target: BypassTarget, untilMs: number): string {
  const until = `${new Date(untilMs).toISOString().slice(11, 16)} UTC`;
  return target.kind === "pair"
    ? `${nameBypass(target)}: straight to its endpoints until ${until}`
    : `${nameBypass(target)}: off the mesh's rules until ${until}`;
}

/** What of these instances goes without the rules now: their calls, or all of one. */
export function bypassesAt(
  instances: readonly StoredInstance[],
  snapshot: ConfigSnapshot,
  nowMs: number,
): string[] {
  return bypassesOf(snapshot).flatMap(({ resource }) => {
    const target = targetOf(resource, snapshot);
    const isHere = instances.some((one) => isOff(one, target));
    return isHere && resource.untilMs > nowMs ? [summarizeBypass(target, resource.untilMs)] : [];
  });
}

function isOff({ namespace, service, workload }: StoredInstance, target: BypassTarget): boolean {
  if (target.kind === "workload") {
    return target.namespace === namespace && target.workload === workload;
  }
  const { source } = target;
  return (
    source.namespace === namespace &&
    (source.service ?? service) === service &&
    (source.workload ?? workload) === workload
  );
}

/** "web → reviews", or the workload. */
export function nameBypass(target: BypassTarget): string {
  if (target.kind === "workload") return target.workload;
  const { source, destination } = target;
  const isNear = source.namespace === destination.namespace;
  const called = isNear ? destination.service : `${destination.namespace}/${destination.service}`;
  return `${source.workload ?? source.service ?? ""} → ${called}`;
}

function wordsOf(target: BypassTarget): Pick<Bypass, "lifts" | "keeps"> {
  if (target.kind === "pair") {
    return {
      lifts: [
        "No routes, splits, rewrites, mirrors, faults, retries, timeouts, circuit breakers or limits of the caller's side.",
        "No filters on the caller's way out. All endpoints of the service take turns.",
      ],
      keeps: [
        MTLS_STAYS,
        "What the destination asks of its callers stays: policies, tokens, rate limits, filters.",
      ],
    };
  }
  const isOpen = target.includeAuthorization === true;
  return {
    lifts: [
      "What it calls: no routes, splits, faults, retries, timeouts, circuit breakers, limits or filters.",
      "What calls it: no rate limits, no filters.",
      ...(isOpen
        ? ["No AuthorizationPolicies and no tokens: whoever has an identity may call it."]
        : []),
    ],
    keeps: [
      MTLS_STAYS,
      ...(isOpen ? [] : ["AuthorizationPolicies and tokens stay; only an admin can lift them."]),
      "Which of its versions others call is theirs: their routes stay.",
    ],
  };
}
