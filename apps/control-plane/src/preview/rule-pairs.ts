import type { ServiceRules } from "@heddle/contracts";
import type { ServiceId, SourceSelector } from "@heddle/mesh";
import { type CallerClass, takesIn } from "../snapshot/caller-class.ts";
import { type CompiledService, toWireRules } from "../snapshot/compile-service.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { toSourceSelector } from "../snapshot/service-rules.ts";

/** The rules of a service before and after for one set of callers. */
export type RulePair = {
  readonly service: ServiceId;
  /** Empty: everybody whom no pair before this one takes in. */
  readonly source: SourceSelector;
  readonly before: ServiceRules;
  readonly after: ServiceRules;
  readonly isChanged: boolean;
};

/** The pairs of a service, those for everybody last; of callers that both sides tell apart alike, one pair. */
export function rulePairs(
  service: ServiceId,
  before: ConfigSnapshot,
  after: ConfigSnapshot,
): RulePair[] {
  const old = before.service(service);
  const next = after.service(service);
  const callers = new Map<string, CallerClass>();
  for (const { caller } of [...next.ruleSets, ...old.ruleSets]) {
    callers.set(JSON.stringify(toSourceSelector(caller)), caller);
  }
  const everybody = callers.get("{}");
  callers.delete("{}");
  const ordered = [...callers.values()].sort((a, b) => sizeOf(b) - sizeOf(a));
  return [...ordered, ...(everybody ? [everybody] : [])].map((caller): RulePair => {
    const was = rulesFor(old, caller);
    const is = rulesFor(next, caller);
    return {
      service,
      source: toSourceSelector(caller),
      before: was,
      after: is,
      isChanged: JSON.stringify(was) !== JSON.stringify(is),
    };
  });
}

function sizeOf({ namespace, labels }: CallerClass): number {
  return Object.keys(labels).length * 2 + (namespace === undefined ? 0 : 1);
}

function rulesFor({ ruleSets }: CompiledService, caller: CallerClass): ServiceRules {
  const found = ruleSets.find((one) => takesIn(toSourceSelector(one.caller), caller));
  const rules = found?.rules ?? ruleSets.at(-1)?.rules;
  return rules ? toWireRules(rules) : { routes: [], subsets: [] };
}

/** What of a pair differs besides its HTTP routes, in words. */
export function describeOtherChanges({ before, after }: RulePair): string[] {
  const changes: string[] = [];
  const say = (what: string, one: unknown, other: unknown) => {
    if (JSON.stringify(one) !== JSON.stringify(other)) changes.push(what);
  };
  say("routes of opaque connections", before.tcpRoutes, after.tcpRoutes);
  say("routes of TLS connections", before.tlsRoutes, after.tlsRoutes);
  say("traffic policy", before.trafficPolicy, after.trafficPolicy);
  const names = new Set([...before.subsets, ...after.subsets].map(({ name }) => name));
  for (const name of names) {
    const was = before.subsets.find((one) => one.name === name);
    const is = after.subsets.find((one) => one.name === name);
    if (!was) changes.push(`subset ${name} is new`);
    else if (!is) changes.push(`subset ${name} goes`);
    else {
      say(`labels of subset ${name}`, was.labels, is.labels);
      say(`traffic policy of subset ${name}`, was.trafficPolicy, is.trafficPolicy);
    }
  }
  return changes;
}

/** Every service that the routes of a pair lead to, on either side. */
export function targetsOfPair({ before, after }: RulePair): ServiceId[] {
  return [before, after].flatMap(({ routes, tcpRoutes = [], tlsRoutes = [] }) =>
    [...routes, ...tcpRoutes, ...tlsRoutes].flatMap(({ destinations }) =>
      destinations.map((to) => to.service),
    ),
  );
}
