import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRoutes, findRoute } from "./compile-routes.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { Route, RouteMatch } from "./route.ts";

type Given = {
  method?: string;
  path?: string;
  authority?: string;
  headers?: Record<string, string>;
};

function request(given: Given = {}): RequestFacts {
  const { method = "GET", path = "/", authority = "reviews", headers = {} } = given;
  return { method, path, authority, header: (name) => headers[name] };
}

function route(name: string, ...matches: RouteMatch[]): Route {
  const service = { namespace: "shop", name: "reviews" };
  return {
    name,
    matches,
    destinations: [{ service, subset: undefined, weight: 1 }],
    timeoutMs: undefined,
  };
}

function isTaken(match: RouteMatch, given: Given): boolean {
  return findRoute(compileRoutes([route("only", match)]), request(given)) !== undefined;
}

const exact = (value: string) => ({ kind: "exact", value }) as const;
const prefix = (value: string) => ({ kind: "prefix", value }) as const;
const present = { kind: "present" } as const;

const cases: [title: string, match: RouteMatch, given: Given, expected: boolean][] = [
  ["an empty match takes every request", {}, { path: "/x" }, true],
  ["prefix /v2 takes /v2", { uri: prefix("/v2") }, { path: "/v2" }, true],
  ["prefix /v2 takes /v22", { uri: prefix("/v2") }, { path: "/v22" }, true],
  ["prefix /v2 takes /v2/cart", { uri: prefix("/v2") }, { path: "/v2/cart" }, true],
  ["prefix /v2 passes over /V2", { uri: prefix("/v2") }, { path: "/V2" }, false],
  ["an empty prefix takes every path", { uri: prefix("") }, { path: "/x" }, true],
  ["exact takes the path alone", { uri: exact("/v2") }, { path: "/v2" }, true],
  ["exact passes over a longer path", { uri: exact("/v2") }, { path: "/v2/" }, false],
  [
    "ignoreUriCase holds for prefixes",
    { uri: prefix("/Cart"), ignoreUriCase: true },
    { path: "/cARt/1" },
    true,
  ],
  [
    "ignoreUriCase does not touch methods",
    { method: exact("get"), ignoreUriCase: true },
    { method: "GET" },
    false,
  ],
  ["a method is compared as it is", { method: exact("POST") }, { method: "POST" }, true],
  [
    "an authority is compared as the client sent it",
    { authority: prefix("reviews.") },
    { authority: "reviews.shop:9080" },
    true,
  ],
  ["a header has the value", { headers: { user: exact("jo") } }, { headers: { user: "jo" } }, true],
  ["a header is not there", { headers: { user: prefix("") } }, {}, false],
  ["a header need only be there", { headers: { user: present } }, { headers: { user: "" } }, true],
  [
    "all headers must hold",
    { headers: { user: exact("jo"), beta: present } },
    { headers: { user: "jo" } },
    false,
  ],
  ["without: the header is not there", { withoutHeaders: { user: present } }, {}, true],
  [
    "without: the header is there",
    { withoutHeaders: { user: present } },
    { headers: { user: "x" } },
    false,
  ],
  [
    "without: another value passes",
    { withoutHeaders: { user: exact("jo") } },
    { headers: { user: "al" } },
    true,
  ],
  ["without: a missing header counts as empty", { withoutHeaders: { user: exact("") } }, {}, false],
  [
    "conditions of a block are ANDed",
    { uri: prefix("/a"), method: exact("GET") },
    { path: "/a", method: "POST" },
    false,
  ],
];
for (const [title, match, given, expected] of cases) {
  test(title, () => assert.equal(isTaken(match, given), expected));
}

test("match blocks of a route are ORed", () => {
  const routes = compileRoutes([route("either", { uri: exact("/a") }, { uri: exact("/b") })]);
  const paths = ["/a", "/b", "/c"].map((path) => findRoute(routes, request({ path }))?.route.name);
  assert.deepEqual(paths, ["either", "either", undefined]);
});

test("the first route that matches wins, however general it is", () => {
  const routes = compileRoutes([route("general"), route("special", { uri: exact("/a") })]);
  assert.equal(findRoute(routes, request({ path: "/a" }))?.route.name, "general");
});

test("no later route answers for one that matches, whatever the list", () => {
  const match = fc.constantFrom<RouteMatch>(
    {},
    { uri: prefix("/a") },
    { uri: exact("/b") },
    { method: exact("POST") },
  );
  fc.assert(
    fc.property(
      fc.array(match),
      fc.constantFrom("/a", "/ab", "/b", "/c"),
      fc.constantFrom("GET", "POST"),
      (matches, path, method) => {
        const list = matches.map((one, index) => route(String(index), one));
        const found = findRoute(compileRoutes(list), request({ path, method }));
        const expected = matches.findIndex((one) => isTaken(one, { path, method }));
        assert.equal(found?.route.name, expected < 0 ? undefined : String(expected));
      },
    ),
  );
});
