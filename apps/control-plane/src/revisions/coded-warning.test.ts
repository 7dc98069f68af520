import assert from "node:assert/strict";
import { test } from "node:test";
import { coded, textsOf, withoutFound } from "./coded-warning.ts";

const about = "DestinationRule shop/till: spec.trafficPolicy.tls.mode: DISABLE, but …";
const finding = (code: string, name: string) => ({
  ...{ code, subject: { kind: "DestinationRule", namespace: "shop", name } },
});

test("a warning is left out only where a finding of its code is about the same document", () => {
  const warnings = coded(["HDL006"], [about]);
  assert.deepEqual(textsOf(withoutFound(warnings, [finding("HDL006", "till")])), []);
  for (const other of [finding("HDL006", "other"), finding("HDL007", "till")]) {
    assert.deepEqual(textsOf(withoutFound(warnings, [other])), [about]);
  }
  const plain = coded([], ["what nothing else says"]);
  assert.deepEqual(withoutFound(plain, [finding("HDL006", "till")]), plain);
});
