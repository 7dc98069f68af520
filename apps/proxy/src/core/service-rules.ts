import type { ServiceResource, ServiceRules } from "@heddle/contracts";
import {
  type CompiledRoute,
  carriesLabels,
  compileRoutes,
  type LeveledPolicy,
  type ServicePort,
  type SourceSelector,
  type SubsetRule,
} from "@heddle/mesh";
import type { Caller } from "./mesh-view.ts";

/** The rules of a service for one set of callers, made ready. */
export type CompiledRules = {
  readonly routes: readonly CompiledRoute[];
  readonly subsets: ReadonlyMap<string, SubsetRule>;
  readonly policy: LeveledPolicy | undefined;
};

type Override = {
  readonly name: string;
  readonly source: SourceSelector;
  readonly rules: CompiledRules;
};

/** A service resource made ready: everything that can fail has been done. */
export type CompiledService = {
  readonly resource: ServiceResource;
  readonly base: CompiledRules;
  readonly overrides: readonly Override[];
  /** Equal texts: the same callers see the same rule sets. */
  readonly sources: string;
  /** Ports that some policy speaks of though none need be declared. */
  readonly policyPorts: ReadonlySet<number>;
};

/** Throws the mesh's own errors when a rule cannot be compiled. */
export function compileService(resource: ServiceResource): CompiledService {
  const base = compileRules(resource);
  const overrides = (resource.overrides ?? []).map(({ source, rules }) => ({
    name: JSON.stringify([source.namespaces, source.labels]),
    source,
    rules: compileRules(rules),
  }));
  const all = [base, ...overrides.map(({ rules }) => rules)];
  return {
    resource,
    base,
    overrides,
    sources: overrides.map(({ name }) => name).join(),
    policyPorts: new Set(all.flatMap(portsOf)),
  };
}

function compileRules(rules: ServiceRules): CompiledRules {
  return {
    routes: compileRoutes(rules.routes),
    subsets: new Map(rules.subsets.map((subset) => [subset.name, subset])),
    policy: rules.trafficPolicy,
  };
}

function portsOf({ policy, subsets }: CompiledRules): number[] {
  const leveled = [policy, ...[...subsets.values()].map(({ trafficPolicy }) => trafficPolicy)];
  return leveled.flatMap((one) => Object.keys(one?.ports ?? {}).map(Number));
}

/** The name of the rule set that holds for a caller: its source as text; empty: for everybody. */
export function ruleSetFor(service: CompiledService | undefined, caller: Caller): string {
  const first = service?.overrides.find(({ source }) => selectsCaller(source, caller));
  return first?.name ?? "";
}

export function rulesOf(service: CompiledService, ruleSet: string): CompiledRules {
  return service.overrides.find(({ name }) => name === ruleSet)?.rules ?? service.base;
}

/** Whether a rule for `source` holds for this caller. */
export function selectsCaller({ namespaces, labels }: SourceSelector, caller: Caller): boolean {
  if (namespaces !== undefined && !namespaces.includes(caller.namespace)) return false;
  return labels === undefined || carriesLabels(caller.labels, labels);
}

export type FoundPort = {
  readonly port: ServicePort | undefined;
  readonly problem: string | undefined;
};

/**
 * The declared port a request means. Without a port in its host: 80, else the first that speaks HTTP.
 * A service with one port means that one whatever the host says, as one without any declared.
 */
export function findPort(service: CompiledService, asked: number | undefined): FoundPort {
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
