import assert from "node:assert/strict";
import { test } from "node:test";
import { formatClaim, parseClaim } from "./claimed-peer.ts";

test("a sidecar's claim is read as it was written, and proves no principal", () => {
  const front = { namespace: "shop", workload: "front-v1", service: "front", version: "v1" };
  assert.deepEqual(parseClaim(formatClaim(front)), { ...front, principal: "unknown" });
});

const others = [
  "",
  "heddle",
  "heddle~shop~front~front",
  "sidecar~10.0.0.1~pod.shop~shop.svc",
  "heddle~~a~b~c",
  "heddle~a~b~c~d~e",
  `heddle~${"a".repeat(600)}~b~c~d`,
];
for (const text of others) {
  test(`${JSON.stringify(text.slice(0, 40))} claims nothing`, () => {
    assert.equal(parseClaim(text), undefined);
  });
}
