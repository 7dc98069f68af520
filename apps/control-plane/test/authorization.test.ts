import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourcesResponse, SuggestResponse, WhyResponse } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane } from "./running-control-plane.ts";
import { documents } from "./shop-documents.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

const PAY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: pay, namespace: shop}
spec:
  selector: {matchLabels: {app: payments}}
  action: ALLOW
  rules: # who may charge
    - from: [{source: {principals: [cluster.local/ns/shop/sa/checkout]}}]
      to: [{operation: {methods: [POST], paths: [/charge]}}]
`;
const NO_DELETE = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-delete, namespace: shop}
spec:
  selector: {matchLabels: {app: payments}}
  action: DENY
  rules: [{to: [{operation: {methods: [DELETE]}}]}]
`;
const CHECKOUT = { namespace: "shop", workload: "checkout" };
const WEB = { namespace: "shop", workload: "web" };
const PAYMENTS = { namespace: "shop", workload: "payments-v1" };

async function setUp(t: Parameters<typeof runControlPlane>[0]) {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  await StreamClient.open(t, plane.controlPort, joined, {
    workloads: [registration(joined.proxyId, "payments-v1")],
  });
  await plane.apply(documents(PAY, NO_DELETE));
  const why = async (request: object) => {
    const body = { destination: PAYMENTS, ...request };
    return (await plane.call<WhyResponse>("POST", "/why", body)).body;
  };
  const suggest = async (body: object) =>
    (await plane.call<SuggestResponse>("POST", "/policies/suggest", body)).body;
  const applyAll = async ({ documents: suggested }: SuggestResponse) => {
    const expected = suggested.map(({ kind, namespace, name, revision }) => ({
      kind,
      namespace,
      name,
      revision,
    }));
    const yaml = documents(...suggested.map((one) => one.yaml));
    assert.equal((await plane.apply(yaml, { expected })).status, 200);
  };
  return { plane, why, suggest, applyAll };
}

test("why names every rule that had a say, and the fields that failed", async (t) => {
  const { plane, why } = await setUp(t);
  const allowed = await why({ source: CHECKOUT, method: "POST", path: "/charge?x=1" });
  assert.equal(allowed.isAllowed, true);
  const denied = await why({ source: WEB, method: "POST", path: "//charge" });
  assert.equal(denied.isAllowed, false);
  assert.deepEqual(
    denied.rules.map(({ policy, action, isMatch, failed }) => [
      policy,
      action,
      isMatch,
      failed.map(({ field, seen }) => `${field}: ${seen}`),
    ]),
    [
      ["shop/no-delete", "DENY", false, ["to[0].operation.methods: POST"]],
      [
        "shop/pay",
        "ALLOW",
        false,
        ["from[0].source.principals: spiffe://cluster.local/ns/shop/sa/web"],
      ],
    ],
  );
  const byAddress = await why({ source: { address: "10.0.4.17" } });
  assert.deepEqual([byAddress.isAllowed, byAddress.mtls.mode], [false, "PERMISSIVE"]);
  await plane.call("PUT", "/mtls/shop/payments-v1", { mode: "STRICT" });
  const strict = await why({ source: { address: "10.0.4.17" } });
  assert.equal(strict.mtls.isRefused, true);
  assert.match(
    strict.summary,
    /Plaintext from 10\.0\.4\.17 is refused: shop\/payments-v1 is STRICT/,
  );
  const nobody = { source: WEB, destination: { namespace: "shop", workload: "nobody" } };
  assert.equal((await plane.call("POST", "/why", nobody)).status, 404);
});

test("a denial's suggestion adds one rule to the policy that came nearest, comments kept", async (t) => {
  const { plane, why, suggest, applyAll } = await setUp(t);
  const request = { source: WEB, method: "GET", path: "/receipts/4711" };
  const denial = {
    source: WEB,
    destination: PAYMENTS,
    method: "GET",
    path: "/receipts/{*}",
    nearest: { policy: "shop/pay", rule: 0 },
  };
  const suggested = await suggest({ from: "denial", denial });
  assert.deepEqual(
    suggested.documents.map(({ name, before }) => [name, before !== undefined]),
    [["pay", true]],
  );
  assert.equal((await why(request)).isAllowed, false, "nothing is applied by a suggestion");
  await applyAll(suggested);
  assert.equal((await why(request)).isAllowed, true);
  assert.equal((await why({ ...request, path: "/charge" })).isAllowed, false);
  assert.equal((await why({ ...request, source: CHECKOUT })).isAllowed, false);
  const { body } = await plane.call<ResourcesResponse>("GET", "/resources?name=pay");
  assert.match(body.resources[0]?.yaml ?? "", /# who may charge/);
});

test("a caller that a DENY rule meets is left out of that rule", async (t) => {
  const { why, suggest, applyAll, plane } = await setUp(t);
  await plane.apply(PAY.replace("methods: [POST], paths: [/charge]", 'paths: ["*"]'));
  const request = { source: CHECKOUT, method: "DELETE", path: "/charge" };
  assert.equal((await why(request)).isAllowed, false);
  const denial = { ...request, destination: PAYMENTS, policy: "shop/no-delete", rule: 0 };
  await applyAll(await suggest({ from: "denial", denial }));
  assert.equal((await why(request)).isAllowed, true);
  assert.equal((await why({ ...request, source: WEB })).isAllowed, false);
});

test("policies from traffic let in who was seen, in shadow until they are enforced", async (t) => {
  const { plane, why, suggest, applyAll } = await setUp(t);
  for (const name of ["pay", "no-delete"]) {
    await plane.call("DELETE", `/resources/AuthorizationPolicy/shop/${name}`);
  }
  const seen = { requests: 9, lastSeenMs: 1, sampledRequests: 1 };
  const operations = [{ method: "GET", path: "/orders/{*}", requests: 1 }];
  const calls = [
    { source: WEB, destination: PAYMENTS, ...seen, operations },
    { source: { address: "10.0.4.17" }, destination: PAYMENTS, ...seen, operations },
  ];
  const request = { from: "traffic", calls, includesOperations: true };
  const shadow = await suggest(request);
  assert.equal(shadow.documents[0]?.name, "allow-seen-payments-v1");
  await applyAll(shadow);
  assert.equal((await why({ source: CHECKOUT })).isAllowed, true);
  await applyAll(await suggest({ ...request, isShadow: false }));
  const asked = { method: "GET", path: "/orders/17" };
  assert.equal((await why({ source: WEB, ...asked })).isAllowed, true);
  assert.equal((await why({ source: { address: "10.0.4.17" }, ...asked })).isAllowed, true);
  assert.equal((await why({ source: CHECKOUT, ...asked })).isAllowed, false);
  assert.equal((await why({ source: WEB, method: "POST", path: "/orders/17" })).isAllowed, false);
});
