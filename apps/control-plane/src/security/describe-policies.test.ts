import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";
import { describePolicies } from "./describe-policies.ts";

const instances = [
  { namespace: "shop", workload: "cart-v1", labels: { app: "cart", version: "v1" } },
  { namespace: "shop", workload: "cart-v1", labels: { app: "cart", version: "v1" } },
  { namespace: "shop", workload: "web", labels: { app: "web" } },
  { namespace: "bank", workload: "cart", labels: { app: "cart" } },
];
const CART = "{selector: {matchLabels: {app: cart}}}";
const STRICT_CART = "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}}";

function describe(...texts: string[]) {
  return describePolicies(compileSnapshot(1, parseDocuments(...texts)), instances);
}

const reaches: [kind: string, namespace: string, spec: string, scope: string, who: string[]][] = [
  ["AuthorizationPolicy", "shop", CART, "selector", ["shop/cart-v1"]],
  ["AuthorizationPolicy", "shop", "{}", "namespace", ["shop/cart-v1", "shop/web"]],
  ["AuthorizationPolicy", "istio-system", CART, "selector", ["bank/cart", "shop/cart-v1"]],
  ["AuthorizationPolicy", "istio-system", "{}", "mesh", ["bank/cart", "shop/cart-v1", "shop/web"]],
  ["PeerAuthentication", "shop", STRICT_CART, "selector", ["shop/cart-v1"]],
  ["PeerAuthentication", "istio-system", STRICT_CART, "selector", []],
];
for (const [kind, namespace, spec, scope, who] of reaches) {
  test(`${kind} of ${namespace} with ${spec} holds for ${who.join(", ") || "nobody"}`, () => {
    const [policy] = describe(document(kind, "one", namespace, spec));
    assert.deepEqual([policy?.scope, policy?.workloads], [scope, who]);
  });
}

test("a dry run of STRICT is told with the mode", () => {
  const [policy] = describe(`apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  { name: cart, namespace: shop, annotations: { heddle.dev/mtls-dry-run: STRICT } }
spec: { selector: { matchLabels: { app: cart } }, mtls: { mode: PERMISSIVE } }`);
  assert.deepEqual(policy?.mtls, { mode: "PERMISSIVE", isStrictDryRun: true });
});

test("documents of other kinds are no policies", () => {
  assert.deepEqual(describe(document("Service", "cart", "shop", "{ports: [{port: 80}]}")), []);
});
