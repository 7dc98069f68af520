import assert from "node:assert/strict";
import { test } from "node:test";
import type { Denial, PolicyState } from "@heddle/contracts";
import { holdsFor, policyInWords, policyRows } from "./policy-rows.ts";

const policy = (given: Partial<PolicyState> = {}): PolicyState => ({
  kind: "AuthorizationPolicy",
  namespace: "shop",
  name: "payments",
  revision: 3,
  updatedAtMs: 0,
  scope: "selector",
  workloads: ["shop/payments-v1"],
  authorization: {
    namespace: "shop",
    name: "payments",
    action: "ALLOW",
    isShadow: false,
    rules: [{ from: [], to: [], when: [] }],
  },
  ...given,
});
const denial = (given: Partial<Denial>): Denial => ({
  id: "d",
  source: { namespace: "shop", workload: "cart-v5" },
  destination: { namespace: "shop", workload: "payments-v1" },
  effect: "denied",
  method: "GET",
  path: "/",
  fields: [],
  count: 1,
  firstSeenMs: 0,
  lastSeenMs: 0,
  lastTraceId: "0",
  ...given,
});

test("counts what a policy denied by its rule, or because none of its rules let it in; shadow apart", () => {
  const [row] = policyRows(
    [policy()],
    [
      denial({ policy: "shop/payments", count: 4 }),
      denial({ nearest: { policy: "shop/payments", rule: 0 }, count: 3 }),
      denial({ policy: "shop/payments", effect: "would-deny", count: 20 }),
      denial({ policy: "shop/other", count: 100 }),
    ],
  );
  assert.deepEqual([row?.denied, row?.wouldDeny], [7, 20]);
});

test("puts the policy that denies most first", () => {
  const rows = policyRows(
    [policy({ name: "quiet" }), policy()],
    [denial({ policy: "shop/payments" })],
  );
  assert.deepEqual(
    rows.map((row) => row.policy.name),
    ["payments", "quiet"],
  );
});

const holding: [given: Partial<PolicyState>, words: string][] = [
  [{}, "payments-v1"],
  [{ workloads: [] }, "nobody: no workload carries its labels"],
  [{ scope: "mesh", workloads: ["a/b", "c/d"] }, "the whole mesh, 2 workloads"],
  [{ scope: "namespace" }, "all of shop, 1 workload"],
  [{ workloads: ["s/a", "s/b", "s/c", "s/d", "s/e"] }, "a, b, c and 2 more"],
  [{ scope: "none" }, "gateways only, which Heddle has not"],
];
for (const [given, words] of holding) {
  test(`a policy with ${JSON.stringify(given)} holds for ${words}`, () => {
    assert.equal(holdsFor(policy(given)).replaceAll("\u00a0", " "), words);
  });
}

test("a PeerAuthentication says its mode and its ports, one of tokens whose are good", () => {
  const { authorization: _, ...bare } = policy();
  const mtls = { mode: "STRICT", portModes: { "8080": "PERMISSIVE" } } as const;
  assert.deepEqual(policyInWords({ ...bare, mtls }), ["STRICT, port 8080 PERMISSIVE"]);
  const rule = { issuer: "https://id.shop", keysFrom: "url", isRequired: true } as const;
  assert.deepEqual(policyInWords({ ...bare, tokens: [{ ...rule, audiences: [], places: [] }] }), [
    "tokens of https://id.shop are good; without one nobody comes in",
  ]);
});
