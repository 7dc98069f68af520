import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { parseDocuments } from "../snapshot/test-documents.ts";
import { planShadow } from "./plan-shadow.ts";

const PAYMENTS = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: payments, namespace: shop}
spec:
  rules:
  # only the till may charge
  - from: [{source: {principals: [cluster.local/ns/shop/sa/till]}}]
`;
const snapshot = compileSnapshot(1, parseDocuments(PAYMENTS));

test("a policy that only counts says so in its annotation, and keeps its comments", () => {
  const { after } = planShadow(snapshot, { namespace: "shop", name: "payments" }, true);
  assert.ok(after?.resource.kind === "AuthorizationPolicy");
  assert.equal(after.resource.isShadow, true);
  assert.match(after.yaml, /istio\.io\/dry-run: "true"/);
  assert.match(after.yaml, /# only the till may charge/);
});

test("enforcing it again leaves its rules as they were", () => {
  const shadow = planShadow(snapshot, { namespace: "shop", name: "payments" }, true);
  assert.ok(shadow.after);
  const again = compileSnapshot(2, parseDocuments(shadow.after.yaml));
  const { after } = planShadow(again, { namespace: "shop", name: "payments" }, false);
  assert.ok(after?.resource.kind === "AuthorizationPolicy");
  assert.deepEqual([after.resource.isShadow, after.resource.rules.length], [false, 1]);
});

test("a policy that is not there is not made", () => {
  assert.throws(
    () => planShadow(snapshot, { namespace: "shop", name: "other" }, true),
    /there is no AuthorizationPolicy shop\/other/,
  );
});
