import type {
  LadderNext,
  LadderResponse,
  LadderRung,
  LadderScope,
  LadderWorkload,
  MtlsScope,
  PreflightCaller,
  PreflightResponse,
  PreflightWorkload,
} from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf } from "../snapshot/mesh-document.ts";
import { counted, formatRate, formatTime, scopeWords } from "./guard-words.ts";
import { findOwnPolicy } from "./plan-mtls.ts";

/** Collectors write every second or two; older counts prove nothing about now. */
const FRESH_MS = 30_000;

export type LadderParts = {
  readonly snapshot: ConfigSnapshot;
  readonly preflight: PreflightResponse;
  /** The guard that runs on a workload, by `namespace/name`. */
  readonly guards: ReadonlyMap<string, string>;
  readonly nowMs: number;
};

/**
 * Where each workload stands between plaintext and STRICT for all, what is in its way, and the one next
 * act: a guarded flip where nobody would be refused, a dry run before it, callers brought in first.
 */
export function describeLadder(parts: LadderParts): LadderResponse {
  const { preflight } = parts;
  const namespaces = [...new Set(preflight.workloads.map(({ namespace }) => namespace))].sort();
  const strictForAll = new Set(
    namespaces.filter((namespace) =>
      isStrictForAll(parts.snapshot, { kind: "namespace", namespace }),
    ),
  );
  const callers = Map.groupBy(preflight.callers, nameOf);
  const workloads = preflight.workloads
    .map((one) => describeWorkload(parts, one, callers.get(nameOf(one)) ?? [], strictForAll))
    .sort((a, b) => riskOf(b) - riskOf(a) || (nameOf(a) < nameOf(b) ? -1 : 1));
  const rungs: Record<LadderRung, number> = {
    disabled: 0,
    permissive: 0,
    "dry-run": 0,
    strict: 0,
    "strict-for-all": 0,
  };
  for (const { rung } of workloads) rungs[rung] += 1;
  const scopes = [
    { kind: "mesh" } as const,
    ...namespaces.map((namespace) => ({ kind: "namespace", namespace }) as const),
  ].map((scope) => describeScope(parts, scope, workloads));
  const { countedUntilMs, windowMs } = preflight;
  return {
    windowMs,
    ...(countedUntilMs === undefined ? {} : { countedUntilMs }),
    rungs,
    workloads,
    scopes,
    workloadsToGo: workloads.filter(isToGo).length,
    callersInTheWay: countCallers(workloads),
    next: nextOfAll(workloads, scopes),
  };
}

function describeWorkload(
  parts: LadderParts,
  one: PreflightWorkload,
  callers: readonly PreflightCaller[],
  strictForAll: ReadonlySet<string>,
): LadderWorkload {
  const guardId = parts.guards.get(nameOf(one));
  const rung = rungOf(one, strictForAll);
  const callersInTheWay = callers.filter((caller) => isInTheWay(caller, one));
  return {
    ...one,
    rung,
    callersInTheWay,
    next: nextOf(parts, one, rung, callersInTheWay, guardId),
    ...(guardId === undefined ? {} : { guardId }),
  };
}

function rungOf(
  { namespace, mode, dryRunSinceMs }: PreflightWorkload,
  strictForAll: ReadonlySet<string>,
): LadderRung {
  if (mode === "DISABLE") return "disabled";
  if (mode === "PERMISSIVE") return dryRunSinceMs === undefined ? "permissive" : "dry-run";
  return strictForAll.has(namespace) ? "strict-for-all" : "strict";
}

/** Under a dry run the proxies' own count decides; without one whoever was let in with plaintext. */
function isInTheWay(caller: PreflightCaller, { mode }: PreflightWorkload): boolean {
  if (mode === "STRICT") return false;
  if (caller.wouldBeRefused !== undefined) return caller.wouldBeRefused > 0;
  return caller.requests > 0;
}

function nextOf(
  parts: LadderParts,
  one: PreflightWorkload,
  rung: LadderRung,
  callers: readonly PreflightCaller[],
  guardId: string | undefined,
): LadderNext {
  const { workload } = one;
  if (guardId !== undefined) {
    return { act: "wait", words: `A guard watches ${workload}.`, command: "heddle mtls guards" };
  }
  if (rung === "strict" || rung === "strict-for-all") {
    return { act: "none", words: `${workload} takes mTLS alone.` };
  }
  if (rung === "dry-run") return nextInDryRun(parts, one, callers);
  return {
    act: "dry-run",
    words: `Count what STRICT would refuse at ${workload}; nothing is refused.`,
    command: `heddle mtls set ${nameOf(one)} PERMISSIVE --dry-run`,
  };
}

function nextInDryRun(
  { preflight: { countedUntilMs }, nowMs }: LadderParts,
  one: PreflightWorkload,
  callers: readonly PreflightCaller[],
): LadderNext {
  const [first] = callers;
  if (first) return bringIn(first, callers.length);
  if (countedUntilMs === undefined || nowMs - countedUntilMs > FRESH_MS) {
    const words = "Wait for the collector: without it nobody knows who would be refused.";
    return { act: "wait", words };
  }
  const time = formatTime(nowMs - (one.dryRunSinceMs ?? nowMs));
  return {
    act: "set-strict",
    words: `Set ${one.workload} to STRICT, guarded: nobody would have been refused in ${time}.`,
    command: `heddle mtls set ${nameOf(one)} STRICT --guard 60s`,
  };
}

function bringIn(caller: PreflightCaller, callers: number): LadderNext {
  const [only, ...others] = caller.names;
  const isKnown = only !== undefined && others.length === 0;
  const who = isKnown ? only.name : caller.sourceAddress;
  const more = callers > 1 ? ` and ${counted(callers - 1, "other", "others")}` : "";
  const words = `Bring ${who}${more} into the mesh: it would be refused, ${formatRate(caller.requestsPerSecond)}.`;
  const service = isKnown ? only.name : "NAME";
  const namespace = only?.namespace ?? caller.namespace;
  return {
    act: "bring-in-callers",
    words,
    command: `heddle run --namespace ${namespace} --service ${service} -- COMMAND`,
  };
}

function describeScope(
  { snapshot, preflight }: LadderParts,
  scope: Exclude<MtlsScope, { kind: "workload" }>,
  all: readonly LadderWorkload[],
): LadderScope {
  const own = findOwnPolicy(snapshot, scope, {});
  const mode = own?.resource.mode;
  const weaker = weakerPolicies(snapshot, scope);
  const inScope = all.filter(
    ({ namespace }) => scope.kind === "mesh" || namespace === scope.namespace,
  );
  const isForAll = isStrictForAll(snapshot, scope);
  const toGo = inScope.filter(({ mode }) => mode !== "STRICT");
  return {
    scope,
    ...(mode === undefined ? {} : { mode }),
    ...(own === undefined ? {} : { policy: formatId(own.resource) }),
    isStrictForAll: isForAll,
    weakerPolicies: weaker,
    workloads: inScope.length,
    workloadsToGo: inScope.filter(isToGo).length,
    callersInTheWay: countCallers(inScope),
    next: nextOfScope(scope, { isForAll, toGo, inScope, weaker, preflight }),
  };
}

function nextOfScope(
  scope: Exclude<MtlsScope, { kind: "workload" }>,
  about: {
    readonly isForAll: boolean;
    readonly toGo: readonly LadderWorkload[];
    readonly inScope: readonly LadderWorkload[];
    readonly weaker: readonly string[];
    readonly preflight: PreflightResponse;
  },
): LadderNext {
  const { isForAll, toGo, inScope, weaker } = about;
  const name = scopeWords(scope);
  if (isForAll) return { act: "none", words: `${name} takes mTLS alone, new workloads included.` };
  const [first] = toGo;
  if (first) return first.next;
  const target = scope.kind === "mesh" ? "mesh" : `${scope.namespace}/`;
  const [policy] = weaker;
  if (policy !== undefined) {
    const words = `PeerAuthentication ${policy} is weaker than STRICT and selects nobody now; delete it, or it opens the door to whom it will select.`;
    return {
      act: "set-strict-for-all",
      words,
      command: `heddle delete PeerAuthentication ${policy}`,
    };
  }
  const so = inScope.length === 0 ? "no workload is there yet" : "every workload is STRICT already";
  return {
    act: "set-strict-for-all",
    words: `Make STRICT what holds for all of ${scope.kind === "mesh" ? "the mesh" : scope.namespace}: ${so}, and new ones begin so.`,
    command: `heddle mtls set ${target} STRICT --guard 60s`,
  };
}

/** A flip that hurts nobody first, then dry runs, then callers; waiting for a guard goes before all. */
function nextOfAll(
  workloads: readonly LadderWorkload[],
  scopes: readonly LadderScope[],
): LadderNext {
  const order: readonly LadderNext["act"][] = [
    ...(["wait", "set-strict", "dry-run", "bring-in-callers"] as const),
  ];
  for (const act of order) {
    const found = workloads.find(({ next }) => next.act === act);
    if (found) return found.next;
  }
  const open = scopes.find(({ scope, isStrictForAll }) => scope.kind !== "mesh" && !isStrictForAll);
  const [mesh] = scopes;
  return open?.next ?? mesh?.next ?? { act: "none", words: "No workload is in the mesh yet." };
}

/** STRICT by its own policy, or by the mesh's where it has none; and nothing below lets plaintext in. */
function isStrictForAll(
  snapshot: ConfigSnapshot,
  scope: Exclude<MtlsScope, { kind: "workload" }>,
): boolean {
  const own = findOwnPolicy(snapshot, scope, {})?.resource.mode;
  const mesh = findOwnPolicy(snapshot, { kind: "mesh" }, {})?.resource.mode;
  return (own ?? mesh) === "STRICT" && weakerPolicies(snapshot, scope).length === 0;
}

/** Policies below a scope that say less than STRICT, for all ports or for one. */
function weakerPolicies(
  snapshot: ConfigSnapshot,
  scope: Exclude<MtlsScope, { kind: "workload" }>,
): string[] {
  const isBelow = ({ resource }: DocumentOf<"PeerAuthentication">) => {
    if (resource.namespace === snapshot.rootNamespace) return false;
    if (scope.kind === "mesh") return true;
    return resource.namespace === scope.namespace && resource.selector !== undefined;
  };
  return [...snapshot.documents.values()]
    .filter((one) => isOf(one, "PeerAuthentication"))
    .filter(isBelow)
    .filter(({ resource: { mode, portModes = {} } }) =>
      [mode, ...Object.values(portModes)].some((one) => one !== undefined && one !== "STRICT"),
    )
    .map(({ resource }) => formatId(resource))
    .sort();
}

function isToGo({ rung }: LadderWorkload): boolean {
  return rung !== "strict" && rung !== "strict-for-all";
}

function countCallers(workloads: readonly LadderWorkload[]): number {
  return new Set(
    workloads.flatMap(({ callersInTheWay }) => callersInTheWay.map((one) => one.sourceAddress)),
  ).size;
}

/** Plaintext that comes in now, then once; then doors that stand open without need. */
function riskOf({ callersInTheWay, rung }: LadderWorkload): number {
  const rate = callersInTheWay.reduce((sum, one) => sum + one.requestsPerSecond, 0);
  if (rate > 0) return 1000 + rate;
  if (callersInTheWay.length > 0) return 100 + callersInTheWay.length;
  return { disabled: 4, permissive: 3, "dry-run": 2, strict: 1, "strict-for-all": 0 }[rung];
}

function nameOf({ namespace, workload }: { namespace: string; workload: string }): string {
  return formatId({ namespace, name: workload });
}
