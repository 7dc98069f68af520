import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { analyze, applyFixes, RESOURCE_KINDS, SEVERITIES } from "../src/index.ts";
import { write } from "./documents.ts";
import { GOOD_SPECS } from "./good-specs.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Kinds that only the analysis knows, with what it looks at. */
const FOREIGN: readonly Json[] = [
  {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "a", labels: { app: "a" } } },
    spec: { nodeName: "n", containers: [{ name: "istio-proxy", image: "auto" }] },
  },
  {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" } },
    spec: { template: { metadata: { labels: { app: "a" } }, spec: { containers: [{}] } } },
  },
  {
    ...{ apiVersion: "networking.istio.io/v1", kind: "Gateway", metadata: { name: "gw" } },
    spec: {
      selector: { istio: "ingressgateway" },
      servers: [
        { port: { number: 443 }, hosts: ["*/a"], tls: { mode: "SIMPLE", credentialName: "c" } },
      ],
    },
  },
  {
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "c", namespace: "istio-system" } },
    data: { "tls.crt": "YQ==", "tls.key": "YQ==" },
  },
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels: { a: "b" } } },
  {
    ...{ apiVersion: "networking.istio.io/v1alpha3", kind: "EnvoyFilter" },
    metadata: { name: "f" },
    spec: { configPatches: [{ applyTo: "HTTP_FILTER", patch: { operation: "ADD" } }] },
  },
  {
    ...{ apiVersion: "admissionregistration.k8s.io/v1", kind: "MutatingWebhookConfiguration" },
    metadata: { name: "w" },
    webhooks: [{ name: "a", clientConfig: { service: { name: "s", namespace: "n" } } }],
  },
  {
    ...{ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "k" } },
    spec: { listeners: [{ name: "a", port: 80, hostname: "*.a" }] },
  },
];
const SERVED = RESOURCE_KINDS.map((kind) => parse(write(kind, GOOD_SPECS[kind])) as Json);
const ALL = [...SERVED, ...FOREIGN];

const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom("", "*", "a", "a.shop", "*.a", "./*", "~/*", "a/b", "STRICT", "__proto__", "("),
  fc.constantFrom<Json>(null, true, 0, -1, 80, 1e300),
  fc.string({ maxLength: 8 }),
);
const shape: fc.Arbitrary<Json> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom("host", "name", "prefix", "number", "labels"), scalar, {
    maxKeys: 2,
  }),
  fc.constant<Json>([[{ host: [{}] }]]),
);

function placesOf(value: Json, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]))];
}

function put(value: Json, path: readonly string[], at: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return at;
  if (Array.isArray(value)) {
    return value.map((item, index) => (String(index) === step ? put(item, rest, at) : item));
  }
  if (typeof value !== "object" || value === null) return at;
  return { ...value, [step]: put(value[step] ?? null, rest, at) };
}

const PLACES = ALL.map((one) => placesOf(one));
const changed = fc
  .tuple(fc.nat(ALL.length - 1), fc.array(fc.tuple(fc.nat(), shape), { maxLength: 3 }))
  .map(([which, changes]) => {
    const places = PLACES[which] ?? [];
    return changes.reduce<Json>(
      (value, [place, at]) => put(value, places[place % places.length] ?? [], at),
      ALL[which] ?? null,
    );
  });
const registry = fc.option(
  fc.record({
    services: fc.constant([{ namespace: "shop", name: "a", ports: [80] }]),
    workloads: fc.constant([
      { namespace: "shop", name: "a", labels: { app: "a", version: "v1" }, endpoints: 2 },
    ]),
    plaintextCallers: fc.constant([{ namespace: "shop", workload: "a", address: "10.0.0.1" }]),
  }),
  { nil: undefined },
);

test("documents of any kinds with anything put in anywhere are analyzed, and so is what their fixes make", () => {
  fc.assert(
    fc.property(fc.array(changed, { maxLength: 6 }), registry, (documents, live) => {
      const text = documents.map((one) => stringify(one)).join("---\n");
      const files = [{ name: "a.yaml", text }];
      const { findings } = analyze({ files, registry: live, nowMs: 0 });
      for (const { code, severity, why } of findings) {
        assert.ok(code !== undefined && why.length > 0 && SEVERITIES.includes(severity));
      }
      const fixed = applyFixes(text, findings).text;
      analyze({ files: [{ name: "a.yaml", text: fixed }], registry: live, nowMs: 0 });
    }),
    { numRuns: 150 },
  );
});
