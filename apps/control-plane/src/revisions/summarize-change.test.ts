import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResources, type Resource } from "@heddle/resources";
import { type ChangedResource, summarizeChange } from "./summarize-change.ts";

function parse(apiVersion: string, kind: string, name: string, spec: string): Resource {
  const metadata = `{name: ${name}, namespace: shop}`;
  const parsed = parseResources(
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: ${metadata}\nspec: ${spec}`,
  );
  assert.ok(parsed.ok && parsed.resources[0]);
  return parsed.resources[0].resource;
}

const rule = (service: string) =>
  parse(
    "networking.istio.io/v1",
    "DestinationRule",
    service,
    `{host: ${service}, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}`,
  );
const split = (service: string, v1: number, v2: number) =>
  parse(
    "networking.istio.io/v1",
    "VirtualService",
    service,
    `{hosts: [${service}], http: [{route: [{destination: {host: ${service}, subset: v1}, weight: ${v1}}, {destination: {host: ${service}, subset: v2}, weight: ${v2}}]}]}`,
  );
const entry = parse(
  "networking.istio.io/v1",
  "WorkloadEntry",
  "legacy-billing",
  "{address: 127.0.4.17, labels: {app: legacy-billing}}",
);
const policy = (selector: string) =>
  parse(
    "security.istio.io/v1",
    "PeerAuthentication",
    "default",
    `{${selector}mtls: {mode: STRICT}}`,
  );

const created = (after: Resource): ChangedResource => ({ before: undefined, after });
const deleted = (before: Resource): ChangedResource => ({ before, after: undefined });

const cases: Record<string, readonly ChangedResource[]> = {
  "Nothing changed": [],
  "Created WorkloadEntry shop/legacy-billing": [created(entry)],
  "payments v2 to 10 %": [{ before: split("payments", 95, 5), after: split("payments", 90, 10) }],
  "payments v2 to 5 %": [created(rule("payments")), created(split("payments", 95, 5))],
  "shipping-v3 set to STRICT": [
    created(policy("selector: {matchLabels: {app: shipping, version: v3}}, ")),
  ],
  "Namespace shop set to STRICT": [created(policy(""))],
  "2 documents for payments": [
    { before: rule("payments"), after: rule("payments") },
    { before: split("payments", 95, 5), after: split("payments", 90, 10) },
  ],
  "5 documents for reviews, payments and legacy-billing": [
    created(rule("reviews")),
    created(split("reviews", 70, 30)),
    created(rule("payments")),
    created(split("payments", 90, 10)),
    created(entry),
  ],
  "4 documents for a, b and 2 more": [..."abcd"].map((service) => created(rule(service))),
  "2 documents for reviews and namespace shop": [created(rule("reviews")), created(policy(""))],
  "Deleted 2 documents for a and b": [deleted(rule("a")), deleted(rule("b"))],
};
for (const [summary, changes] of Object.entries(cases)) {
  test(`a change is told as "${summary}"`, () => assert.equal(summarizeChange(changes), summary));
}
