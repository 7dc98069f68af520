import type { Route, ServiceId, SourceSelector, SubsetRule, TcpRoute } from "@heddle/mesh";
import { formatId } from "@heddle/mesh";
import { type CallerClass, takesIn } from "./caller-class.ts";
import type { DeclaredService } from "./declared-service.ts";
import { expandDelegates } from "./delegates.ts";
import type { HostIndex } from "./host-index.ts";
import type { DocumentOf, MeshDocument } from "./mesh-document.ts";
import { type BlockPlace, POLICY_BLOCKS, PolicyTable } from "./policy-blocks.ts";
import { type RuleIndex, type ServiceSources, toSelector } from "./rule-index.ts";
import { coversHost, hostOf } from "./service-host.ts";
import { defaultRoute, toWireTcpRoute } from "./wire-route.ts";

/** Something with the document it was written in; `undefined`: a default. */
export type Originated<Value> = Value & { readonly origin: MeshDocument | undefined };

/** A route with what other documents have put into it. */
export type EffectiveRoute = Originated<{
  readonly route: Route;
  readonly changedBy: readonly MeshDocument[];
}>;

/** What holds for a service in the eyes of one class of callers, and who has said it. */
export type EffectiveRuleSet = {
  readonly routes: readonly EffectiveRoute[];
  readonly tcpRoutes: readonly Originated<{ readonly route: TcpRoute }>[];
  readonly tlsRoutes: readonly Originated<{ readonly route: TcpRoute }>[];
  /** Without origin: no rule defines it, so its name stands for the version label. */
  readonly subsets: readonly Originated<{ readonly rule: SubsetRule }>[];
  readonly policy: PolicyTable<unknown>["policy"];
  readonly blocks: readonly {
    readonly place: BlockPlace;
    readonly value: unknown;
    readonly origin: MeshDocument | undefined;
  }[];
};

/** What rules are compiled against. */
export type RuleContext = {
  readonly rules: RuleIndex;
  readonly hosts: HostIndex;
  readonly meshConfig: DocumentOf<"MeshConfig"> | undefined;
  /** Pairs that are off the rules; the oldest first. */
  readonly bypasses: readonly DocumentOf<"Bypass">[];
  readonly findDocument: (ref: string) => MeshDocument | undefined;
};

/** Works out what holds for `caller`; every caller of the class gets the same. */
export function effectiveRules(
  service: ServiceId,
  sources: ServiceSources,
  declared: DeclaredService | undefined,
  caller: CallerClass,
  context: RuleContext,
): EffectiveRuleSet {
  const virtualService = context.rules.findVirtualService(sources, caller);
  const policies = sources.policies.filter(({ resource }) => holdsFor(resource, caller));
  const table = compilePolicies(service, sources, declared, caller, policies, context);
  const { hosts } = context;
  const origin = virtualService;
  const namespace = virtualService?.resource.namespace ?? "";
  const toTcp = (routes: DocumentOf<"VirtualService">["resource"]["tcpRoutes"] = []) =>
    routes.map((route) => ({ route: toWireTcpRoute(route, namespace, hosts), origin }));
  return {
    routes: compileRoutes(service, virtualService, policies, context),
    tcpRoutes: toTcp(virtualService?.resource.tcpRoutes),
    tlsRoutes: toTcp(virtualService?.resource.tlsRoutes),
    subsets: table.subsets,
    policy: table.policy,
    blocks: table.blocks,
  };
}

function compilePolicies(
  service: ServiceId,
  sources: ServiceSources,
  declared: DeclaredService | undefined,
  caller: CallerClass,
  policies: readonly DocumentOf<"TrafficPolicy">[],
  { rules, hosts, meshConfig }: RuleContext,
): PolicyTable<MeshDocument | undefined> {
  const table = new PolicyTable<MeshDocument | undefined>();
  const holding = rules.findRules(sources, service, caller);
  const first = holding.find(({ resource }) => resource.trafficPolicy !== undefined);
  if (first) table.addPolicy(undefined, first.resource.trafficPolicy, first);
  for (const document of holding) {
    for (const subset of document.resource.subsets) table.addSubset(subset, document);
  }
  for (const name of sources.usedSubsets) {
    table.addSubset({ name, labels: { version: name } }, undefined);
  }
  // the oldest is written last, so that it holds where two of them say the same
  for (const document of policies.toReversed()) {
    for (const subset of subsetsMeant(document, service, hosts)) {
      for (const block of POLICY_BLOCKS) {
        const value = document.resource.policy[block];
        if (value !== undefined) table.override(subset, block, value, document);
      }
    }
  }
  if (meshConfig) table.fillDefaults(meshConfig.resource, meshConfig);
  table.fillSubjectAltNames(declared?.subjectAltNames ?? []);
  return table;
}

function compileRoutes(
  service: ServiceId,
  virtualService: DocumentOf<"VirtualService"> | undefined,
  policies: readonly DocumentOf<"TrafficPolicy">[],
  { hosts, meshConfig, findDocument }: RuleContext,
): EffectiveRoute[] {
  const written = virtualService ? expandDelegates(virtualService, hosts, findDocument) : [];
  const isRouted = (virtualService?.resource.routes.length ?? 0) > 0;
  const all = isRouted
    ? written
    : [{ route: defaultRoute(service), origin: undefined, root: undefined }];
  return all.map(({ route, origin, root }) => {
    const changed = policies.reduceRight<Changed>(
      (one, document) => overlay(one, document, service, hosts),
      { route, changedBy: root ? [root] : [] },
    );
    const retries = meshConfig?.resource.defaultRetries;
    const needsRetries = retries !== undefined && changed.route.retries === undefined;
    if (!needsRetries || !meshConfig) return { ...changed, origin };
    return {
      route: { ...changed.route, retries },
      changedBy: [...changed.changedBy, meshConfig],
      origin,
    };
  });
}

type Changed = Omit<EffectiveRoute, "origin">;

/** Puts a TrafficPolicy's timeout, retries and fault into a route that sends to what it means. */
function overlay(
  { route, changedBy }: Changed,
  document: DocumentOf<"TrafficPolicy">,
  service: ServiceId,
  hosts: HostIndex,
): Changed {
  const { timeoutMs, retries, fault } = document.resource;
  const isSilent = timeoutMs === undefined && retries === undefined && fault === undefined;
  const meant = subsetsMeant(document, service, hosts);
  const isMeant =
    meant.includes(undefined) ||
    route.destinations.some(
      (to) => formatId(to.service) === formatId(service) && meant.includes(to.subset),
    );
  if (isSilent || !isMeant || route.destinations.length === 0) return { route, changedBy };
  const changed = {
    ...route,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retries === undefined ? {} : { retries }),
    ...(fault === undefined ? {} : { fault }),
  };
  return { route: changed, changedBy: [...changedBy, document] };
}

/** The subsets of a service a TrafficPolicy speaks of; `undefined` among them: the whole service. */
function subsetsMeant(
  { resource }: DocumentOf<"TrafficPolicy">,
  service: ServiceId,
  hosts: HostIndex,
): (string | undefined)[] {
  const meant = resource.destinations.filter((ref) => {
    if (coversHost(ref.host, hostOf(service))) return true;
    return formatId(hosts.ofRef(ref, resource.namespace)) === formatId(service);
  });
  const subsets = meant.map(({ subset }) => subset);
  return subsets.includes(undefined) ? [undefined] : subsets;
}

function holdsFor(
  { sources }: DocumentOf<"TrafficPolicy">["resource"],
  caller: CallerClass,
): boolean {
  return sources.length === 0 || sources.map(toSelector).some((one) => takesIn(one, caller));
}

/** The selector that means exactly the callers of a class. */
export function toSourceSelector({ namespace, labels }: CallerClass): SourceSelector {
  return {
    ...(namespace === undefined ? {} : { namespaces: [namespace] }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}
