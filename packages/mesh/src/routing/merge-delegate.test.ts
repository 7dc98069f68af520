import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRoutes, findRoute } from "./compile-routes.ts";
import { DEFAULT_RETRY_POLICY } from "./default-retry-policy.ts";
import { mergeDelegate } from "./merge-delegate.ts";
import type { Route, RouteMatch } from "./route.ts";

const service = { namespace: "shop", name: "reviews" };
const prefix = (value: string) => ({ kind: "prefix", value }) as const;
const exact = (value: string) => ({ kind: "exact", value }) as const;
const regex = (value: string) => ({ kind: "regex", value }) as const;
const present = { kind: "present" } as const;

function root(...matches: RouteMatch[]): Route {
  return { name: "root", matches, destinations: [] };
}
function leaf(...matches: RouteMatch[]): Route {
  return { name: "leaf", matches, destinations: [{ service, weight: 1 }] };
}

const cases: [title: string, wide: RouteMatch, own: RouteMatch, isKept: boolean][] = [
  ["a longer prefix", { uri: prefix("/a") }, { uri: prefix("/a/b") }, true],
  ["the same prefix", { uri: prefix("/a") }, { uri: prefix("/a") }, true],
  ["a shorter prefix", { uri: prefix("/a/b") }, { uri: prefix("/a") }, false],
  ["an exact path under a prefix", { uri: prefix("/a") }, { uri: exact("/a/b") }, true],
  ["an exact path beside a prefix", { uri: prefix("/a") }, { uri: exact("/b") }, false],
  ["the same exact path", { uri: exact("/a") }, { uri: exact("/a") }, true],
  ["a prefix under an exact path", { uri: exact("/a") }, { uri: prefix("/a") }, false],
  ["regex on both sides", { uri: regex("/a") }, { uri: regex("/a") }, false],
  ["regex under a prefix", { uri: prefix("/a") }, { uri: regex("/a.*") }, false],
  ["regex on one side of another property", { uri: prefix("/a") }, { method: regex("G.*") }, true],
  ["nothing of its own", { uri: prefix("/a") }, {}, true],
  ["another method", { method: exact("GET") }, { method: exact("POST") }, false],
  ["another header", { headers: { a: exact("1") } }, { headers: { b: exact("1") } }, true],
  [
    "the header's other value",
    { headers: { a: exact("1") } },
    { headers: { a: exact("2") } },
    false,
  ],
  ["presence under presence", { headers: { a: present } }, { headers: { a: present } }, false],
  [
    "a query parameter's other value",
    { queryParams: { a: exact("1") } },
    { queryParams: { a: exact("2") } },
    false,
  ],
  [
    "an exclusion the root does not have",
    { withoutHeaders: { a: exact("1") } },
    { withoutHeaders: { a: exact("2") } },
    false,
  ],
  ["another port", { port: 80 }, { port: 81 }, false],
  ["a port of its own", {}, { port: 81 }, true],
  ["ignoreUriCase differs", { ignoreUriCase: true }, {}, false],
  [
    "a namespace of the root's",
    { source: { namespaces: ["a", "b"] } },
    { source: { namespaces: ["a"] } },
    true,
  ],
  [
    "another namespace",
    { source: { namespaces: ["a"] } },
    { source: { namespaces: ["b"] } },
    false,
  ],
  [
    "another label",
    { source: { labels: { app: "a" } } },
    { source: { labels: { app: "b" } } },
    false,
  ],
];
for (const [title, wide, own, isKept] of cases) {
  test(`a delegate's route with ${title} is ${isKept ? "kept" : "dropped"}`, () => {
    const { routes, dropped } = mergeDelegate(root(wide), [leaf(own)]);
    assert.deepEqual([routes.length, dropped.length], isKept ? [1, 0] : [0, 1]);
  });
}

test("a dropped route says which property asks for too much", () => {
  const { dropped } = mergeDelegate(root({ uri: prefix("/a") }), [leaf({ uri: exact("/b") })]);
  const reason = 'uri exact "/b" is not within the root\'s prefix "/a"';
  assert.deepEqual(dropped, [{ route: "leaf", reason }]);
});

test("without matches on one side the other's hold", () => {
  const matches = [{ uri: prefix("/a") }];
  assert.deepEqual(mergeDelegate(root(), [leaf(...matches)]).routes[0]?.matches, matches);
  assert.deepEqual(mergeDelegate(root(...matches), [leaf()]).routes[0]?.matches, matches);
});

test("a match lies within several of the root's and is narrowed by each", () => {
  const wide = root({ port: 80 }, { method: exact("GET") });
  const [merged] = mergeDelegate(wide, [leaf({ uri: prefix("/a") })]).routes;
  const seen = merged?.matches.map(({ uri, port, method }) => ({ uri, port, method }));
  assert.deepEqual(seen, [
    { uri: prefix("/a"), port: 80, method: undefined },
    { uri: prefix("/a"), port: undefined, method: exact("GET") },
  ]);
});

test("what the delegate leaves unset is the root's, what it sets is its own", () => {
  const wide: Route = {
    ...root(),
    timeoutMs: 100,
    retries: DEFAULT_RETRY_POLICY,
    rewrite: { uri: "/x" },
    headers: { request: { set: { a: "1" } } },
  };
  const own: Route = { ...leaf(), timeoutMs: 5, rewrite: { authority: "b" } };
  const [merged] = mergeDelegate(wide, [own]).routes;
  assert.equal(merged?.timeoutMs, 5);
  assert.deepEqual(merged?.rewrite, { authority: "b" });
  assert.equal(merged?.retries, DEFAULT_RETRY_POLICY);
  assert.equal(merged?.headers, wide.headers);
  assert.deepEqual(merged?.destinations, own.destinations);
});

const names: [root: string, own: string, joined: string][] = [
  ["root", "leaf", "root-leaf"],
  ["", "leaf", "leaf"],
  ["root", "", "root"],
];
for (const [wide, own, joined] of names) {
  test(`the names "${wide}" and "${own}" become "${joined}"`, () => {
    const { routes } = mergeDelegate({ ...root(), name: wide }, [{ ...leaf(), name: own }]);
    assert.equal(routes[0]?.name, joined);
  });
}

test("a merged route takes no request that its root or its delegate would pass over", () => {
  const uri = fc.constantFrom(
    prefix("/"),
    prefix("/a"),
    prefix("/a/b"),
    exact("/a"),
    exact("/a/b"),
  );
  const header = fc.record(
    { a: fc.constantFrom(exact("1"), exact("2"), prefix("")) },
    { requiredKeys: [] },
  );
  const match = fc.record(
    { uri, headers: header, withoutHeaders: header, port: fc.constantFrom(80, 81) },
    { requiredKeys: [] },
  );
  const request = fc.record({
    path: fc.constantFrom("/", "/a", "/a/b", "/b"),
    port: fc.constantFrom(80, 81),
    a: fc.constantFrom(undefined, "1", "2"),
  });
  const matches = fc.array(match, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(matches, matches, request, (wide, own, { path, port, a }) => {
      const facts = {
        method: "GET",
        authority: "x",
        path,
        port,
        header: (name: string) => (name === "a" ? a : undefined),
      };
      const takes = (list: readonly Route[]) => findRoute(compileRoutes(list), facts) !== undefined;
      const { routes } = mergeDelegate(root(...wide), [leaf(...own)]);
      if (takes(routes)) assert.ok(takes([leaf(...own)]) && takes([leaf(...wide)]));
    }),
    { numRuns: 3000 },
  );
});
