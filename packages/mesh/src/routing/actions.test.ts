import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRoutes } from "./compile-routes.ts";
import { decideAbort, decideDelayMs } from "./decide-fault.ts";
import { compileDirectResponse } from "./direct-response.ts";
import { httpStatusOfGrpc } from "./grpc-status.ts";
import { InvalidActionError } from "./invalid-action-error.ts";
import { isMirrored, shadowAuthority } from "./mirror.ts";
import type { Route } from "./route.ts";

const service = { namespace: "shop", name: "cart" };

function authorities(route: Partial<Route>): (string | undefined)[] {
  const [compiled] = compileRoutes([
    { name: "r", matches: [], destinations: [{ service, weight: 1 }], ...route },
  ]);
  return compiled?.destinations.map(({ authority }) => authority) ?? [];
}
const host = (value: string) => ({ request: { set: { Host: value } } });

test("an authority comes from the rewrite or from set host", () => {
  assert.deepEqual(authorities({ rewrite: { authority: "b" } }), ["b"]);
  assert.deepEqual(authorities({ headers: host("c") }), ["c"]);
  assert.deepEqual(authorities({}), [undefined]);
});

test("with one destination the route's authority wins (1.3)", () => {
  const destinations = [{ service, weight: 1, headers: host("destination") }];
  assert.deepEqual(authorities({ destinations, headers: host("route") }), ["route"]);
  assert.deepEqual(authorities({ destinations }), ["destination"]);
});

test("with several destinations each one's own wins", () => {
  const destinations = [
    { service, weight: 1, headers: host("destination") },
    { service, weight: 1 },
  ];
  const given = authorities({ destinations, headers: host("route") });
  assert.deepEqual(given, ["destination", "route"]);
});

test("with one destination its headers come last, with several the route's do (Istio)", () => {
  const set = (value: string) => ({ request: { set: { a: value } } });
  const values = (...weights: number[]) => {
    const destinations = weights.map((weight) => ({
      service,
      weight,
      headers: set("destination"),
    }));
    const [compiled] = compileRoutes([
      { name: "r", matches: [], destinations, headers: set("route") },
    ]);
    return compiled?.destinations[0]?.requestHeaders?.appended.map(({ value }) => value);
  };
  assert.deepEqual(values(1), ["destination"]);
  assert.deepEqual(values(1, 1), ["route"]);
});

test("a route that asks for nothing has nothing prepared", () => {
  const [compiled] = compileRoutes([
    { name: "r", matches: [], destinations: [{ service, weight: 1 }] },
  ]);
  const { redirect, directResponse, rewritePath, cors, answerHeaders } = compiled ?? {};
  assert.deepEqual(
    [redirect, directResponse, rewritePath, cors, answerHeaders],
    Array(5).fill(undefined),
  );
});

test("a direct response has its bytes ready", () => {
  assert.deepEqual(compileDirectResponse({ status: 204 }).body.length, 0);
  const text = compileDirectResponse({ status: 200, body: { text: "Zoë" } });
  assert.equal(Buffer.from(text.body).toString(), "Zoë");
  const bytes = compileDirectResponse({ status: 200, body: { base64: "AP8=" } });
  assert.deepEqual([...bytes.body], [0, 255]);
  const wrong = { status: 200, body: { base64: "A" } };
  assert.throws(() => compileDirectResponse(wrong), InvalidActionError);
});

test("delay and abort each hit their share of the draws", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const ratio = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(ratio, unit, (share, draw) => {
      const scope = "request" as const;
      const delay = { delayMs: 5, ratio: share };
      const abort = { httpStatus: 503, ratio: share };
      assert.equal(decideDelayMs({ scope, delay }, draw) === 5, draw < share);
      assert.equal(decideAbort({ scope, abort }, draw) === abort, draw < share);
      assert.equal(isMirrored({ ratio: share }, draw), draw < share);
    }),
  );
});

test("a share of 0 hits no request, a share of 1 every one (1.10 no. 5)", () => {
  const scope = "request" as const;
  assert.equal(decideAbort({ scope, abort: { httpStatus: 503, ratio: 0 } }, 0), undefined);
  assert.equal(decideDelayMs({ scope, delay: { delayMs: 5, ratio: 1 } }, 0.9999999), 5);
  assert.equal(decideDelayMs({ scope }, 0), 0);
});

const hosts: Record<string, string> = {
  cart: "cart-shadow",
  "cart:80": "cart-shadow:80",
  "[::1]": "[::1]-shadow",
  "[::1]:80": "[::1]-shadow:80",
};
for (const [given, marked] of Object.entries(hosts)) {
  test(`a copy to ${given} goes to host ${marked}`, () => {
    assert.equal(shadowAuthority(given), marked);
  });
}

test("gRPC codes have an HTTP status for callers that speak plain HTTP", () => {
  assert.deepEqual([0, 7, 14, 99].map(httpStatusOfGrpc), [200, 403, 503, 500]);
});
