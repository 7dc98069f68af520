import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findCompatibility, listCompatibility, listKinds } from "../src/compatibility.ts";
import { RESOURCE_KINDS } from "../src/index.ts";

const entries = listCompatibility();

/** Istio's own fields by kind, from the file beside this one. */
function readIstioFields(): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const text = readFileSync(join(import.meta.dirname, "istio-api-fields.txt"), "utf8");
  let kind = "";
  for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))) {
    if (line.startsWith("  ")) fields.get(kind)?.push(line.trim());
    else fields.set((kind = line), []);
  }
  return fields;
}

for (const [kind, fields] of readIstioFields()) {
  test(`every field of Istio's ${kind} is served, differs on purpose, or is named with a reason`, () => {
    assert.ok(fields.length > 0);
    const missing = fields.filter((field) => !findCompatibility(entries, kind, field));
    assert.deepEqual(missing, []);
  });
}

test("every kind and every field is listed once, and what is not simply served says why", () => {
  const keys = entries.map(({ kind, field }) => `${kind} ${field}`);
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual([...new Set(entries.map(({ kind }) => kind))], [...RESOURCE_KINDS]);
  assert.equal(listKinds().length, RESOURCE_KINDS.length);
  for (const { kind, field, status, note } of entries) {
    assert.equal(note === undefined, status === "supported", `${kind} ${field}`);
  }
});

const known: [kind: string, field: string, status: string][] = [
  ["VirtualService", "spec.http[].timeout", "differs"],
  ["VirtualService", "spec.http[].match[].uri.exact", "supported"],
  ["VirtualService", "spec.http[].match[].headers.*.regex", "supported"],
  ["VirtualService", "spec.http[].fault.abort.http2Error", "refused"],
  ["DestinationRule", "spec.trafficPolicy.tunnel.targetHost", "refused"],
  [
    "DestinationRule",
    "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.enabled",
    "accepted-without-effect",
  ],
  ["TrafficPolicy", "spec.loadBalancer.latencyAware.decay", "supported"],
];
for (const [kind, field, status] of known) {
  test(`${field} of ${kind} is ${status}`, () => {
    assert.equal(findCompatibility(entries, kind, field)?.status, status);
  });
}
