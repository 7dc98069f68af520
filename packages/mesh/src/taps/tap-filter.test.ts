import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  compileTapFilter,
  compileTapStatus,
  InvalidTapStatusError,
  isCredentialHeader,
  type TapFacts,
  type TapFilter,
  type TapRequestFacts,
} from "./tap-filter.ts";

const WEB = { namespace: "shop", workload: "web-v1", service: "web" };
const REVIEWS = { namespace: "shop", workload: "reviews-v2", service: "reviews" };
const OUTSIDE = { namespace: "unknown", workload: "unknown", service: "api.example.com" };

function request(over: Partial<TapRequestFacts> = {}): TapRequestFacts {
  const headers: Readonly<Record<string, string>> = { "x-tester": "anna-1" };
  return {
    ...{ method: "GET", path: "/api/reviews/7", status: 200, isFailure: false },
    header: (name) => headers[name],
    ...over,
  };
}

const FACTS: TapFacts = {
  ...{ direction: "inbound", source: WEB, destination: REVIEWS },
  request: request(),
};

const passing: Record<string, TapFilter> = {
  "nothing asked": {},
  "its direction": { direction: "inbound" },
  "the caller's service": { from: { namespace: "shop", name: "web" } },
  "the caller's workload": { from: { namespace: "shop", name: "web-v1" } },
  "the destination": { to: { namespace: "shop", name: "reviews" } },
  "one of its methods": { methods: ["POST", "GET"] },
  "a beginning of the path": { path: "/api/" },
  "a glob of the whole path": { path: "/api/*/7" },
  "one of the statuses": { statuses: ["404", "2xx"] },
  "a header's value": { headers: [{ name: "x-tester", value: "anna-1" }] },
  "a glob of a header's value": { headers: [{ name: "x-tester", value: "anna*" }] },
  "a header that is there": { headers: [{ name: "x-tester" }] },
};
for (const [what, filter] of Object.entries(passing)) {
  test(`shows a request that meets ${what}`, () => {
    assert.equal(compileTapFilter(filter)(FACTS), true);
  });
}

const failing: Record<string, TapFilter> = {
  "the other direction": { direction: "outbound" },
  "another caller": { from: { namespace: "shop", name: "ratings" } },
  "the same name in another namespace": { from: { namespace: "bank", name: "web" } },
  "another method": { methods: ["POST"] },
  "another beginning": { path: "/reviews" },
  "a glob that leaves a rest": { path: "/api/*/8" },
  "another status": { statuses: ["5xx", "none", "failed", "201-299"] },
  "another value": { headers: [{ name: "x-tester", value: "anna" }] },
  "a header that is not there": { headers: [{ name: "x-other" }] },
  "one of two that does not hold": { methods: ["GET"], path: "/other" },
};
for (const [what, filter] of Object.entries(failing)) {
  test(`leaves out a request that meets ${what}`, () => {
    assert.equal(compileTapFilter(filter)(FACTS), false);
  });
}

test("knows a host outside the mesh by its name alone", () => {
  const filter = { to: { namespace: "shop", name: "api.example.com" } };
  assert.equal(compileTapFilter(filter)({ ...FACTS, destination: OUTSIDE }), true);
});

test("shows connections only where nothing is asked of requests", () => {
  const connection = { ...FACTS, request: undefined };
  assert.equal(compileTapFilter({ from: { namespace: "shop", name: "web" } })(connection), true);
  assert.equal(compileTapFilter({ methods: ["GET"] })(connection), false);
});

test("reads statuses as one writes them, and refuses others by name", () => {
  const failure = request({ status: 200, isFailure: true });
  assert.equal(compileTapStatus("failed")(failure), true);
  assert.equal(compileTapStatus("none")(request({ status: 0 })), true);
  assert.equal(compileTapStatus("5XX")(request({ status: 599 })), true);
  assert.equal(compileTapStatus("500-503")(request({ status: 503 })), true);
  for (const wrong of ["", "6xx", "99", "503-500", "5x", "200,404"]) {
    assert.throws(() => compileTapStatus(wrong), InvalidTapStatusError, wrong);
  }
});

test("takes whatever looks like a credential for one", () => {
  for (const name of ["authorization", "cookie", "x-api-key", "x-auth-token", "x-csrf-token"]) {
    assert.equal(isCredentialHeader(name), true, name);
  }
  for (const name of ["x-tester", "user-agent", "content-type", "x-request-id"]) {
    assert.equal(isCredentialHeader(name), false, name);
  }
});

test("a glob matches exactly what its parts, in order, are found in", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "/", "*"), maxLength: 12 });
  fc.assert(
    fc.property(texts, texts, (pattern, text) => {
      const escaped = pattern.split("*").map((part) => part.replace(/[/]/g, "\\/"));
      const expected = new RegExp(`^${escaped.join("[^]*")}$`).test(text);
      const test = compileTapFilter({ headers: [{ name: "x", value: pattern }] });
      const facts = { ...FACTS, request: request({ header: () => text }) };
      assert.equal(test(facts), expected);
    }),
  );
});
