import type { ServiceResource, ServiceRules } from "@heddle/contracts";
import { formatId, type ServiceId, type ServicePort } from "@heddle/mesh";
import { ANYBODY, type CallerClass, callerClasses } from "./caller-class.ts";
import { contentVersion } from "./content-version.ts";
import type { DeclaredService } from "./declared-service.ts";
import { findDelegate } from "./delegates.ts";
import type { MeshDocument } from "./mesh-document.ts";
import { type ServiceSources, selectorsOf, toSelector } from "./rule-index.ts";
import { hostOf } from "./service-host.ts";
import {
  type EffectiveRuleSet,
  effectiveRules,
  type RuleContext,
  toSourceSelector,
} from "./service-rules.ts";

/** A service as documents shape it, for every class of callers they tell apart. */
export type CompiledService = {
  readonly service: ServiceId;
  readonly declared: DeclaredService | undefined;
  readonly sources: ServiceSources;
  /** Every document that has a say in it. */
  readonly documents: readonly MeshDocument[];
  /** The first whose class takes a caller in holds for it; the last is for anybody. */
  readonly ruleSets: readonly { readonly caller: CallerClass; readonly rules: EffectiveRuleSet }[];
  /** False: documents tell more callers apart than a service may have; only the rules for anybody are there. */
  readonly isComplete: boolean;
  readonly resource: ServiceResource;
};

/** Every document that has a say in a service, in a fixed order; equal lists compile to equal services. */
export function documentsOf(
  service: ServiceId,
  sources: ServiceSources,
  declared: DeclaredService | undefined,
  context: RuleContext,
): MeshDocument[] {
  const { meshConfig, findDocument } = context;
  const virtualServices = sources.virtualServices.map(({ document }) => document);
  const delegates = virtualServices.flatMap((root) =>
    root.resource.routes.flatMap((route) => findDelegate(root, route, findDocument) ?? []),
  );
  const documents = [
    ...(declared?.sources ?? []),
    ...virtualServices,
    ...delegates,
    ...sources.rules.map(({ document }) => document),
    ...sources.policies,
    ...(meshConfig ? [meshConfig] : []),
    ...bypassesOf(service, context).map(({ document }) => document),
  ];
  return [...new Set(documents)];
}

/** The callers that are off a service's rules, with the document that says so. */
function bypassesOf(service: ServiceId, { bypasses, hosts }: RuleContext) {
  return bypasses.flatMap((document) => {
    const { target, namespace, name, untilMs } = document.resource;
    if (target.kind !== "pair") return [];
    if (formatId(hosts.ofRef(target.destination, namespace)) !== formatId(service)) return [];
    const source = toSelector({ ...target.source, labels: undefined });
    return [{ document, wire: { source, untilMs, name: formatId({ namespace, name }) } }];
  });
}

export function compileService(
  service: ServiceId,
  sources: ServiceSources,
  declared: DeclaredService | undefined,
  documents: readonly MeshDocument[],
  context: RuleContext,
): CompiledService {
  const name = { namespace: service.namespace, name: service.name };
  const classes = callerClasses(selectorsOf(sources, service));
  const ruleSets = [...(classes ?? []), ANYBODY].map((caller) => ({
    caller,
    rules: effectiveRules(name, sources, declared, caller, context),
  }));
  const distinct = dropRepeated(ruleSets);
  const base = distinct.at(-1)?.rules;
  const host = hostOf(service);
  const ports = (declared?.ports ?? []).map(toWirePort);
  const bypasses = bypassesOf(service, context).map(({ wire }) => wire);
  const content = {
    kind: "service" as const,
    key: `service/${formatId(service)}`,
    service: name,
    ...(host === service.name ? { host } : {}),
    ...(declared?.isExternal ? { isExternal: true } : {}),
    ...(ports.length === 0 ? {} : { ports }),
    ...(declared?.resolution === undefined ? {} : { resolution: declared.resolution }),
    ...(base ? toWireRules(base) : { routes: [], subsets: [] }),
    ...(bypasses.length === 0 ? {} : { bypasses }),
    ...(distinct.length === 1
      ? {}
      : {
          overrides: distinct.slice(0, -1).map(({ caller, rules }) => ({
            source: toSourceSelector(caller),
            rules: toWireRules(rules),
          })),
        }),
  };
  const revision = Math.max(0, ...documents.map((document) => document.revision));
  const resource = { ...content, version: contentVersion(content), revision };
  const isComplete = classes !== undefined;
  return { service: name, declared, sources, documents, ruleSets: distinct, isComplete, resource };
}

/** What proxies are told of a class's rules. */
export function toWireRules(rules: EffectiveRuleSet): ServiceRules {
  const { tcpRoutes, tlsRoutes, policy } = rules;
  return {
    routes: rules.routes.map(({ route }) => route),
    ...(tcpRoutes.length === 0 ? {} : { tcpRoutes: tcpRoutes.map(({ route }) => route) }),
    ...(tlsRoutes.length === 0 ? {} : { tlsRoutes: tlsRoutes.map(({ route }) => route) }),
    subsets: rules.subsets.map(({ rule }) => rule),
    ...(policy === undefined ? {} : { trafficPolicy: policy }),
  };
}

/** A class goes when every class behind it that could take its callers says the same. */
function dropRepeated(ruleSets: CompiledService["ruleSets"]): CompiledService["ruleSets"] {
  const kept: { one: CompiledService["ruleSets"][number]; text: string }[] = [];
  for (const one of ruleSets.toReversed()) {
    const text = JSON.stringify(toWireRules(one.rules));
    const behind = kept.filter((other) => mayMeet(one.caller, other.one.caller));
    if (behind.length === 0 || behind.some((other) => other.text !== text)) {
      kept.push({ one, text });
    }
  }
  return kept.reverse().map(({ one }) => one);
}

/** Whether a caller of the first class could be taken in by the second. */
function mayMeet(a: CallerClass, b: CallerClass): boolean {
  if (b.namespace !== undefined && b.namespace !== a.namespace) return false;
  return Object.entries(b.labels).every(([key, value]) => (a.labels[key] ?? value) === value);
}

function toWirePort({ number, name, protocol }: ServicePort): ServicePort {
  return { number, ...(name === undefined ? {} : { name }), protocol };
}
