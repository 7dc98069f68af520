import type { ServiceResource, ServiceRules } from "@heddle/contracts/control-stream";
import {
  bypassPolicy,
  bypassRoute,
  compileRoutes,
  compileTcpRoutes,
  type LeveledPolicy,
  type ServicePort,
  type SourceSelector,
  type SubsetRule,
  selectsCaller,
} from "@heddle/mesh";
import type { Caller } from "./mesh-view.ts";

/** The rules of a service for one set of callers; known to compile. */
export type CheckedRules = {
  readonly rules: ServiceRules;
  readonly subsets: ReadonlyMap<string, SubsetRule>;
  readonly policy: LeveledPolicy | undefined;
};

type Override = {
  readonly name: string;
  readonly source: SourceSelector;
  readonly rules: CheckedRules;
};

/** A service resource of which everything that can fail has been tried. */
export type CheckedService = {
  readonly resource: ServiceResource;
  readonly base: CheckedRules;
  readonly overrides: readonly Override[];
  /** Equal texts: the same callers see the same rule sets. Empty: nothing depends on who calls. */
  readonly sources: string;
  /** Whether a policy holds the caller's labels against those of endpoints (failoverPriority). */
  readonly asksForLabels: boolean;
  /** Ports that some policy speaks of though none need be declared. */
  readonly policyPorts: ReadonlySet<number>;
};

/** Throws the mesh's own errors when a rule cannot be compiled. */
export function checkService(resource: ServiceResource): CheckedService {
  const base = checkRules(resource);
  const overrides = (resource.overrides ?? []).map(({ source, rules }) => ({
    name: JSON.stringify([source.namespaces, source.labels]),
    source,
    rules: checkRules(rules),
  }));
  const all = [base, ...overrides.map(({ rules }) => rules)];
  const bypasses = (resource.bypasses ?? []).map(({ source, untilMs }) => [source, untilMs]);
  const asksForLabels = all.some(hasPriorityLabels);
  const asksForCaller = asksForLabels || all.some(asksWhoCalls);
  return {
    resource,
    base,
    overrides,
    sources:
      overrides.map(({ name }) => name).join() +
      (asksForCaller ? " caller" : "") +
      (bypasses.length > 0 ? ` bypassed ${JSON.stringify(bypasses)}` : ""),
    asksForLabels,
    policyPorts: new Set(all.flatMap(portsOf)),
  };
}

function checkRules(rules: ServiceRules): CheckedRules {
  compileRoutes(rules.routes);
  compileTcpRoutes(rules.tcpRoutes ?? []);
  compileTcpRoutes(rules.tlsRoutes ?? []);
  return {
    rules,
    subsets: new Map(rules.subsets.map((subset) => [subset.name, subset])),
    policy: rules.trafficPolicy,
  };
}

function asksWhoCalls({ rules }: CheckedRules): boolean {
  const { routes, tcpRoutes = [], tlsRoutes = [] } = rules;
  return [...routes, ...tcpRoutes, ...tlsRoutes].some(({ matches }) =>
    matches.some(({ source }) => source !== undefined),
  );
}

function hasPriorityLabels(rules: CheckedRules): boolean {
  return levelsOf(rules)
    .flatMap((level) => [level, ...Object.values(level.ports ?? {})])
    .some(({ loadBalancer }) => {
      const locality = loadBalancer?.locality;
      return locality?.kind === "failover" && locality.priorityLabels.length > 0;
    });
}

function portsOf(rules: CheckedRules): number[] {
  return levelsOf(rules).flatMap(({ ports }) => Object.keys(ports ?? {}).map(Number));
}

function levelsOf({ policy, subsets }: CheckedRules): LeveledPolicy[] {
  const all = [policy, ...[...subsets.values()].map(({ trafficPolicy }) => trafficPolicy)];
  return all.filter((level) => level !== undefined);
}

/** Before the name of a rule set: what is left of it for a bypassed caller. */
const BYPASSED = "bypassed ";

/** Whether rules hold for a caller at this moment, or it has been taken off them. */
export type BypassedCaller = Caller & { readonly bypassedUntilMs?: number | undefined };

/**
 * The name of the rule set that holds for a caller: its source as text; empty: for everybody. The caller may be off
 * the rules, for this service or for all it calls.
 */
export function ruleSetFor(
  service: CheckedService | undefined,
  caller: BypassedCaller,
  nowMs: number,
): string {
  const first = service?.overrides.find(({ source }) => selectsCaller(source, caller));
  const name = first?.name ?? "";
  const isBypassed =
    (caller.bypassedUntilMs ?? 0) > nowMs ||
    service?.resource.bypasses?.some(
      ({ source, untilMs }) => untilMs > nowMs && selectsCaller(source, caller),
    ) === true;
  return isBypassed ? BYPASSED + name : name;
}

export function isBypassed(ruleSet: string): boolean {
  return ruleSet.startsWith(BYPASSED);
}

export function rulesOf(service: CheckedService, ruleSet: string): CheckedRules {
  if (isBypassed(ruleSet)) {
    return withoutRules(service, rulesOf(service, ruleSet.slice(BYPASSED.length)));
  }
  return service.overrides.find(({ name }) => name === ruleSet)?.rules ?? service.base;
}

/** The next moment at which a bypass of the service ends; `undefined`: none does. */
export function bypassEnd({ resource }: CheckedService, nowMs: number): number | undefined {
  const ends = (resource.bypasses ?? []).map(({ untilMs }) => untilMs);
  const next = Math.min(...ends.filter((untilMs) => untilMs > nowMs));
  return Number.isFinite(next) ? next : undefined;
}

function withoutRules({ resource }: CheckedService, { policy }: CheckedRules): CheckedRules {
  const trafficPolicy = bypassPolicy(policy);
  const routes = [bypassRoute(resource.service)];
  return {
    rules: { routes, subsets: [], trafficPolicy },
    subsets: new Map(),
    policy: trafficPolicy,
  };
}

export type FoundPort = {
  readonly port: ServicePort | undefined;
  readonly problem: string | undefined;
};

/**
 * The declared port a request means. Without a port in its host: 80, else the first that speaks HTTP.
 * A service with one port means that one whatever the host says, as one without any declared.
 */
export function findPort(service: CheckedService, asked: number | undefined): FoundPort {
  const { ports } = service.resource;
  if (ports === undefined || ports.length === 0) {
    const isSpokenOf = asked !== undefined && service.policyPorts.has(asked);
    return {
      port: isSpokenOf ? { number: asked, protocol: "auto" } : undefined,
      problem: undefined,
    };
  }
  const wanted = ports.find(({ number }) => number === (asked ?? 80));
  if (wanted !== undefined) return { port: wanted, problem: undefined };
  if (asked === undefined || ports.length === 1) {
    const port = ports.find(({ protocol }) => protocol !== "tcp" && protocol !== "tls") ?? ports[0];
    return { port, problem: undefined };
  }
  const declared = ports.map(({ number, protocol }) => `${number} (${protocol})`).join(", ");
  return { port: undefined, problem: `no port ${asked} is declared; there are ${declared}` };
}
