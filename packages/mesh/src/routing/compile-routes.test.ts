import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRoutes, findRoute } from "./compile-routes.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { Route, RouteMatch } from "./route.ts";
import { InvalidSplitError } from "./split.ts";
import type { StringMatch } from "./string-match.ts";

type Given = Partial<Omit<RequestFacts, "header">> & { headers?: Record<string, string> };

function request(given: Given = {}): RequestFacts {
  const { headers = {}, ...facts } = given;
  const defaults = { method: "GET", path: "/", authority: "reviews" };
  return { ...defaults, ...facts, header: (name) => headers[name] };
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

const regex = (value: string) => ({ kind: "regex", value }) as const;
const frontend = { namespace: "shop", labels: { app: "frontend", version: "v1" } };

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
  ["a regular expression takes a whole path", { uri: regex("/v[0-9]") }, { path: "/v1" }, true],
  ["a regular expression passes over a part", { uri: regex("/v[0-9]") }, { path: "/v1/a" }, false],
  [
    "ignoreUriCase does not touch a regular expression (Envoy's case_sensitive)",
    { uri: regex("/v1"), ignoreUriCase: true },
    { path: "/V1" },
    false,
  ],
  ["a regular expression may say (?i) itself", { uri: regex("(?i)/v1") }, { path: "/V1" }, true],
  ["a scheme is compared", { scheme: exact("https") }, { scheme: "http" }, false],
  ["a scheme holds", { scheme: exact("https") }, { scheme: "https" }, true],
  ["a scheme nobody knows does not hold", { scheme: prefix("http") }, {}, false],
  ["a port is compared", { port: 80 }, { port: 81 }, false],
  ["a port holds", { port: 80 }, { port: 80 }, true],
  [
    'headers: regex "*" asks for presence (1.2)',
    { headers: { user: regex("*") } },
    { headers: { user: "" } },
    true,
  ],
  ['headers: regex "*" misses an absent one', { headers: { user: regex("*") } }, {}, false],
  [
    "headers: the keys uri, scheme, method and authority are ignored (1.2)",
    { headers: { method: exact("POST"), uri: exact("/b"), scheme: present, authority: present } },
    {},
    true,
  ],
  [
    "headers: a value beyond ASCII is compared by its bytes",
    { headers: { user: exact("Zoë") } },
    { headers: { user: Buffer.from("Zoë").toString("latin1") } },
    true,
  ],
  [
    "queryParams: the first value counts",
    { queryParams: { v: exact("2") } },
    { query: "v=1&v=2" },
    false,
  ],
  [
    'queryParams: exact "" matches ?key',
    { queryParams: { key: exact("") } },
    { query: "key" },
    true,
  ],
  ["queryParams: not there", { queryParams: { key: prefix("") } }, { query: "other=1" }, false],
  ["queryParams: present", { queryParams: { key: present } }, { query: "a&key=x" }, true],
  [
    "queryParams: a regular expression",
    { queryParams: { v: regex("[0-9]+") } },
    { query: "v=12" },
    true,
  ],
  [
    "source: the namespace is one of the list",
    { source: { namespaces: ["bank", "shop"] } },
    { source: frontend },
    true,
  ],
  ["source: another namespace", { source: { namespaces: ["bank"] } }, { source: frontend }, false],
  [
    "source: labels are a part of the caller's",
    { source: { labels: { app: "frontend" } } },
    { source: frontend },
    true,
  ],
  ["source: another label", { source: { labels: { app: "cart" } } }, { source: frontend }, false],
  ["source: nobody knows who calls", { source: { labels: { app: "cart" } } }, {}, false],
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

test("a block is named behind its route, as in Envoy's ROUTE_NAME", () => {
  const routes = compileRoutes([
    route("api", { name: "v1", uri: exact("/1") }, { uri: exact("/2") }),
  ]);
  assert.deepEqual(
    routes.map(({ name }) => name),
    ["api.v1", "api"],
  );
});

test("a known caller decides the source when routes are compiled", () => {
  const bank = route("bank", { source: { namespaces: ["bank"] } });
  const shop = route("shop", { source: { namespaces: ["shop"] }, uri: prefix("/a") });
  const routes = compileRoutes([bank, shop, route("rest")], frontend);
  assert.deepEqual(
    routes.map(({ name }) => name),
    ["shop", "rest"],
  );
  assert.equal(findRoute(routes, request({ path: "/a" }))?.name, "shop");
});

const catchAlls: Record<string, RouteMatch | undefined> = {
  "a route without match": undefined,
  "an empty match, though documented as forbidden (1.10 no. 9)": {},
  "prefix /": { uri: prefix("/") },
  "regex .*": { uri: regex(".*"), ignoreUriCase: true },
  "headers of ignored keys alone": { headers: { method: exact("GET") } },
};
for (const [title, match] of Object.entries(catchAlls)) {
  test(`${title} ends the list (1.10 no. 10)`, () => {
    const first = route("first", ...(match === undefined ? [] : [match]));
    assert.equal(compileRoutes([first, route("never")]).length, 1);
  });
}

test("prefix / with a further condition does not end the list", () => {
  for (const extra of [{ port: 80 }, { method: exact("GET") }, { headers: { a: present } }]) {
    const first = route("first", { uri: prefix("/"), ...extra });
    assert.equal(compileRoutes([first, route("second")]).length, 2);
  }
});

test("a redirect and a direct response need no destination", () => {
  const redirect = {
    ...route("redirect"),
    destinations: [],
    redirect: { status: 301 as const, uri: "/" },
  };
  assert.equal(compileRoutes([redirect]).length, 1);
  assert.throws(() => compileRoutes([{ ...route("none"), destinations: [] }]), InvalidSplitError);
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

/** What the rules say, without regard to cost: each condition by its definition. */
function holdsNaively(match: RouteMatch, facts: RequestFacts): boolean {
  const text = (condition: StringMatch, value: string | undefined): boolean => {
    if (value === undefined) return false;
    if (condition.kind === "present") return true;
    if (condition.kind === "regex") return new RegExp(`^(?:${condition.value})$`).test(value);
    return condition.kind === "exact"
      ? value === condition.value
      : value.startsWith(condition.value);
  };
  const parameters = new Map(
    (facts.query ?? "")
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => pair.split("=") as [string, string?])
      .map(([name, value = ""]) => [name, value] as const)
      .reverse(),
  );
  return (
    (!match.uri || text(match.uri, facts.path)) &&
    (!match.method || text(match.method, facts.method)) &&
    (match.port === undefined || match.port === facts.port) &&
    Object.entries(match.headers ?? {}).every(([name, one]) => text(one, facts.header(name))) &&
    Object.entries(match.withoutHeaders ?? {}).every(([name, one]) =>
      one.kind === "present"
        ? facts.header(name) === undefined
        : !text(one, facts.header(name) ?? ""),
    ) &&
    Object.entries(match.queryParams ?? {}).every(([name, one]) => text(one, parameters.get(name)))
  );
}

test("a compiled list finds what a naive reading of the rules finds", () => {
  const texts = fc.constantFrom("", "/", "/a", "/ab", "1", "GET");
  const condition: fc.Arbitrary<StringMatch> = fc.oneof(
    fc.record({ kind: fc.constantFrom("exact" as const, "prefix" as const), value: texts }),
    fc.record({
      kind: fc.constant("regex" as const),
      value: fc.constantFrom("/a.*", "[0-9]", "a?"),
    }),
    fc.constant(present),
  );
  const named = fc.dictionary(fc.constantFrom("x", "y"), condition, { maxKeys: 2 });
  const match: fc.Arbitrary<RouteMatch> = fc.record(
    {
      uri: condition,
      method: condition,
      port: fc.constantFrom(80, 81),
      headers: named,
      withoutHeaders: named,
      queryParams: named,
    },
    { requiredKeys: [] },
  );
  const given = fc.record({
    path: fc.constantFrom("/", "/a", "/ab", "/abc"),
    method: fc.constantFrom("GET", "POST"),
    port: fc.constantFrom(80, 81),
    query: fc.constantFrom("", "x", "x=1&y=/a", "y=1&x&y=2"),
    headers: fc.dictionary(fc.constantFrom("x", "y"), texts),
  });
  fc.assert(
    fc.property(
      fc.array(fc.array(match, { maxLength: 3 }), { maxLength: 6 }),
      given,
      (lists, one) => {
        const routes = lists.map((matches, index) => route(String(index), ...matches));
        const facts = request(one);
        const expected = routes.find(
          ({ matches }) =>
            matches.length === 0 || matches.some((block) => holdsNaively(block, facts)),
        );
        assert.equal(findRoute(compileRoutes(routes), facts)?.route.name, expected?.name);
      },
    ),
    { numRuns: 2000 },
  );
});
