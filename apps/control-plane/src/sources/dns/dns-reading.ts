import { formatId } from "@heddle/mesh";
import {
  type DnsLookup,
  type DnsSourceDocument,
  formatRef,
  parseResources,
} from "@heddle/resources";
import type {
  SourceContent,
  SourceDocument,
  SourceFault,
  SourceLookup,
} from "../source-content.ts";
import type { Reading } from "../take-reading.ts";
import type { LookupAnswer } from "./resolve-lookup.ts";

/** What became of asking for one name: its answer, or why there is none. */
export type LookupOutcome = LookupAnswer | { readonly problem: string };

/** `dns shop/db`: how the answers to a DnsSource are called. */
export function dnsSourceName(source: Pick<DnsSourceDocument, "namespace" | "name">): string {
  return `dns ${formatId(source)}`;
}

/**
 * All that is known of a source's names once some of them were asked for: as one ServiceEntry of fixed addresses.
 * A name whose servers do not answer keeps its last answer. `outcomes`: by `lookupKey`.
 */
export function composeReading(
  source: DnsSourceDocument,
  outcomes: ReadonlyMap<string, LookupOutcome>,
  before: SourceContent,
  nowMs: number,
): Reading {
  const known = new Map((before.lookups ?? []).map((one) => [lookupKey(one), one]));
  const lookups: SourceLookup[] = [];
  const faults: SourceFault[] = [];
  for (const lookup of source.lookups) {
    const key = lookupKey(lookup);
    const last = known.get(key);
    const outcome = outcomes.get(key);
    if (outcome === undefined && last === undefined) continue; // not asked for yet
    const made = outcome === undefined ? last : toLookup(source, lookup, outcome, last, nowMs);
    if (made === undefined) continue;
    lookups.push(made);
    if (outcome !== undefined && "problem" in outcome) {
      const since = made.answeredAtMs === undefined ? "" : "; its last answer stays in use";
      faults.push({ message: `${outcome.problem}${since}` });
    } else if (outcome === undefined && made.state === "failing") {
      faults.push(...before.faults.filter(({ message }) => message.startsWith(`${lookup.name}:`)));
    } else if (made.endpoints.length === 0) {
      faults.push({ message: `${lookup.name}: the DNS knows no ${lookup.type} of that name` });
    }
  }
  return { documents: [toDocument(source, lookups, nowMs)], faults, lookups };
}

export function lookupKey({ type, name }: Pick<DnsLookup, "type" | "name">): string {
  return `${type} ${name.toLowerCase()}`;
}

/** When a name is to be asked for again. A failure is asked again soon: what is known may be old. */
export function nextAskMs(
  { minIntervalMs, maxIntervalMs }: DnsSourceDocument,
  outcome: LookupOutcome,
  nowMs: number,
): number {
  const ttlMs = "problem" in outcome ? 0 : (outcome.ttlSeconds ?? 0) * 1000;
  return nowMs + Math.min(maxIntervalMs, Math.max(minIntervalMs, ttlMs));
}

function toLookup(
  source: DnsSourceDocument,
  { name, type }: DnsLookup,
  outcome: LookupOutcome,
  last: SourceLookup | undefined,
  nowMs: number,
): SourceLookup {
  const nextAtMs = nextAskMs(source, outcome, nowMs);
  if ("problem" in outcome) {
    const { ttlSeconds, answeredAtMs, endpoints = [] } = last ?? {};
    return {
      ...{ name, type, state: "failing", nextAtMs, endpoints },
      ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
      ...(answeredAtMs === undefined ? {} : { answeredAtMs }),
    };
  }
  const { endpoints, ttlSeconds } = outcome;
  return {
    ...{ name, type, state: "ok", nextAtMs, answeredAtMs: nowMs, endpoints: [...endpoints] },
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  };
}

function toDocument(
  source: DnsSourceDocument,
  lookups: readonly SourceLookup[],
  nowMs: number,
): SourceDocument {
  const { namespace, name, service, port } = source;
  const portName = port.name ?? (port.protocol === "auto" ? "port" : port.protocol);
  const byKey = new Map(source.lookups.map((one) => [lookupKey(one), one]));
  const endpoints = lookups.flatMap((answer) => {
    const { labels = {}, locality } = byKey.get(lookupKey(answer)) ?? {};
    return answer.endpoints.map((one) => ({
      address: one.address,
      ports: { [portName]: one.port },
      labels: { app: service, ...labels },
      ...(locality === undefined ? {} : { locality }),
      ...(one.weight === undefined ? {} : { weight: one.weight }),
    }));
  });
  const document = {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace },
    spec: {
      hosts: [`${service}.${namespace}.svc.cluster.local`],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [
        {
          number: port.number,
          name: portName,
          ...(port.protocol === "auto" ? {} : { protocol: port.protocol.toUpperCase() }),
        },
      ],
      endpoints,
    },
  };
  const parsed = parseResources(JSON.stringify(document)); // JSON is YAML; it is printed in the one way
  const [made] = parsed.ok ? parsed.resources : [];
  if (!made)
    throw new Error(
      `${formatRef(source)}: its answers make no document: ${JSON.stringify(parsed)}`,
    );
  return {
    ...{ kind: "ServiceEntry", namespace, name, yaml: made.yaml, createdAtMs: nowMs },
    dependsOn: formatRef(source),
  };
}
