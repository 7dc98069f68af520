import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Route, RouteMatch } from "../routing/route.ts";
import { coupleShares } from "./couple-shares.ts";
import {
  prepareRules,
  type RecordedRequest,
  type SimulatedEnd,
  type SimulationParts,
  simulateRequest,
} from "./simulate-request.ts";

const CALLER = { namespace: "shop", labels: { app: "web" } };
const SERVICE = { namespace: "shop", name: "reviews" };
const PARTS: SimulationParts = {
  keyOf: ({ service, subset }) => `${service.name} ${subset ?? ""}`,
  hasEndpoints: (key) => key !== "reviews nobody",
  authorize: () => "same",
  shareAbove: (key, ms) => (key === "reviews v3" ? (ms < 250 ? 0.5 : 0) : undefined),
};

function route(name: string, weights: Record<string, number>, more: Partial<Route> = {}): Route {
  const destinations = Object.entries(weights).map(([subset, weight]) => {
    return { service: SERVICE, subset, weight };
  });
  return { name, matches: [], destinations, ...more };
}

function recorded(
  more: Partial<Omit<RecordedRequest, "header">> & {
    headers?: Record<string, string | undefined>;
  } = {},
): RecordedRequest {
  const { headers = {}, ...rest } = more;
  return {
    method: "GET",
    path: "/",
    authority: "reviews",
    port: 80,
    scheme: "http",
    durationMs: 100,
    flags: "-",
    status: 200,
    retries: 0,
    wentTo: "reviews v1",
    rule: undefined,
    knowsHeader: (name) => name in headers,
    header: (name) => headers[name],
    ...rest,
  };
}

function simulate(before: readonly Route[], after: readonly Route[], request = recorded()) {
  return simulateRequest(request, prepareRules(before, CALLER), prepareRules(after, CALLER), PARTS);
}

function told(ends: readonly SimulatedEnd[]): string[] {
  return ends.map(({ kind, ratio, to, detail }) =>
    [kind, Math.round(ratio * 1000) / 1000, to ?? "-", detail ?? "-"].join(" "),
  );
}

const TESTERS: RouteMatch = { headers: { "x-tester": { kind: "exact", value: "1" } } };
const plain = [route("everyone", { v1: 60, v2: 30, v3: 10 })];

const cases: Record<
  string,
  { before?: Route[]; after: Route[]; request?: RecordedRequest; ends: string[] }
> = {
  "a share that shrinks gives what it loses to the one that grows": {
    after: [route("everyone", { v1: 60, v2: 20, v3: 20 })],
    request: recorded({ wentTo: "reviews v2" }),
    ends: ["same 0.667 reviews v2 -", "moved 0.333 reviews v3 -"],
  },
  "a share that stays keeps its requests": {
    after: [route("everyone", { v1: 60, v2: 20, v3: 20 })],
    ends: ["same 1 reviews v1 -"],
  },
  "a timeout ends what took longer": {
    after: [route("everyone", { v1: 60, v2: 30, v3: 10 }, { timeoutMs: 50 })],
    ends: ["timed-out 1 reviews v1 50"],
  },
  "a timeout at a new destination goes by how long that one takes": {
    before: [route("everyone", { v1: 1 })],
    after: [route("everyone", { v3: 1 }, { timeoutMs: 200 })],
    ends: ["timed-out 0.5 reviews v3 200", "moved 0.5 reviews v3 -"],
  },
  "a rule on a header nobody recorded cannot be told": {
    after: [route("testers", { v3: 1 }, { matches: [TESTERS] }), ...plain],
    ends: ["unknown 1 - header x-tester"],
  },
  "a header that is known to be absent does not match": {
    after: [route("testers", { v3: 1 }, { matches: [TESTERS] }), ...plain],
    request: recorded({ headers: { "x-tester": undefined } }),
    ends: ["same 1 reviews v1 -"],
  },
  "the route a request took tells of a header nobody recorded": {
    before: [route("testers", { v3: 1 }, { matches: [TESTERS] }), ...plain],
    after: [route("testers", { v2: 1 }, { matches: [TESTERS] }), ...plain],
    request: recorded({ wentTo: "reviews v3", rule: "testers" }),
    ends: ["moved 1 reviews v2 -"],
  },
  "a request that the next route took did not match the one before": {
    before: [route("testers", { v3: 1 }, { matches: [TESTERS] }), ...plain],
    after: [route("testers", { v2: 1 }, { matches: [TESTERS] }), ...plain],
    request: recorded({ rule: "everyone" }),
    ends: ["same 1 reviews v1 -"],
  },
  "a condition that fails hides the unknown one beside it": {
    after: [
      route(
        "testers",
        { v3: 1 },
        { matches: [{ ...TESTERS, method: { kind: "exact", value: "POST" } }] },
      ),
      ...plain,
    ],
    ends: ["same 1 reviews v1 -"],
  },
  "no route left": {
    after: [route("api", { v1: 1 }, { matches: [{ uri: { kind: "prefix", value: "/api" } }] })],
    ends: ["not-found 1 - -"],
  },
  "an injected abort takes its share": {
    after: [
      route(
        "everyone",
        { v1: 60, v2: 30, v3: 10 },
        {
          fault: { scope: "request", abort: { ratio: 0.25, httpStatus: 503 } },
        },
      ),
    ],
    ends: ["fault 0.25 reviews v1 503", "same 0.75 reviews v1 -"],
  },
  "an injected delay beyond the timeout ends the request": {
    after: [
      route(
        "everyone",
        { v1: 60, v2: 30, v3: 10 },
        {
          timeoutMs: 400,
          fault: { scope: "request", delay: { ratio: 0.5, delayMs: 350 } },
        },
      ),
    ],
    ends: ["timed-out 0.5 reviews v1 400", "same 0.5 reviews v1 -"],
  },
  "nobody serves where it would go": {
    after: [route("everyone", { nobody: 1 })],
    ends: ["no-endpoints 1 reviews nobody -"],
  },
  "a rewrite changes the path and not the destination": {
    after: [route("everyone", { v1: 60, v2: 30, v3: 10 }, { rewrite: { uri: "/new/" } })],
    request: recorded({ path: "/a" }),
    ends: ["rewritten 1 reviews v1 /new/a"],
  },
  "a redirect": {
    after: [
      {
        name: "gone",
        matches: [],
        destinations: [],
        redirect: { authority: "other", status: 302 },
      },
    ],
    ends: ["redirected 1 - 302 to http://other/"],
  },
};
for (const [what, { before = plain, after, request, ends }] of Object.entries(cases)) {
  test(what, () => {
    assert.deepEqual(told(simulate(before, after, request)), ends);
  });
}

const weights = fc
  .record({ v1: fc.nat(100), v2: fc.nat(100), v3: fc.nat(100) })
  .filter(({ v1, v2, v3 }) => v1 + v2 + v3 > 0);
const match = fc.record(
  {
    uri: fc.constantFrom(
      { kind: "prefix" as const, value: "/a" },
      { kind: "exact" as const, value: "/b" },
    ),
    headers: fc.constantFrom(TESTERS.headers ?? {}),
    method: fc.constant({ kind: "exact" as const, value: "GET" }),
  },
  { requiredKeys: [] },
);
const anyRoutes = fc
  .array(
    fc.tuple(
      weights,
      fc.array(match, { maxLength: 2 }),
      fc.option(fc.integer({ min: 1, max: 500 })),
      fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.map(([shares, matches, timeoutMs, ratio], index) =>
      route(`r${index}`, shares, {
        matches,
        ...(timeoutMs === null ? {} : { timeoutMs }),
        ...(ratio === null
          ? {}
          : {
              fault: {
                scope: "request" as const,
                abort: { ratio, httpStatus: 500 },
                delay: { ratio, delayMs: 20 },
              },
            }),
      }),
    ),
  );
const anyRequest = fc
  .record({
    path: fc.constantFrom("/a/x", "/b", "/c"),
    flags: fc.constantFrom("-", "UT", "FI", "DI", "DI,UT"),
    wentTo: fc.constantFrom("reviews v1", "reviews v2", "reviews v3", undefined),
    durationMs: fc.integer({ min: 0, max: 600 }),
    rule: fc.constantFrom("r0", "r1", "r2", undefined),
    headers: fc.constantFrom({}, { "x-tester": "1" }, { "x-tester": undefined }),
  })
  .map(recorded);

test("the rules in force change nothing", () => {
  fc.assert(
    fc.property(anyRoutes, anyRequest, (routes, request) => {
      const kinds = simulate(routes, structuredClone(routes), request).map(({ kind }) => kind);
      assert.deepEqual(new Set(kinds), new Set(["same"]));
    }),
  );
});

test("the ends of a request are all there is: their shares sum up to one", () => {
  fc.assert(
    fc.property(anyRoutes, anyRoutes, anyRequest, (before, after, request) => {
      const sum = simulate(before, after, request).reduce((total, { ratio }) => total + ratio, 0);
      assert.ok(Math.abs(sum - 1) < 1e-9, String(sum));
    }),
  );
});

test("coupled shares turn the old distribution into the new one", () => {
  fc.assert(
    fc.property(weights, weights, (one, other) => {
      const before = sharesOf(one);
      const after = sharesOf(other);
      const made = new Map<string, number>();
      for (const [from, share] of before) {
        if (share === 0) continue;
        for (const [to, chance] of coupleShares(from, before, after)) {
          made.set(to, (made.get(to) ?? 0) + share * chance);
        }
      }
      for (const [key, share] of after) assert.ok(Math.abs((made.get(key) ?? 0) - share) < 1e-9);
    }),
  );
});

function sharesOf(of: Record<string, number>): Map<string, number> {
  const sum = Object.values(of).reduce((total, weight) => total + weight, 0);
  return new Map(Object.entries(of).map(([key, weight]) => [key, weight / sum]));
}
