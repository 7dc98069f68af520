import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidActionError } from "./invalid-action-error.ts";
import { compileRedirect, type RedirectFacts } from "./redirect.ts";
import type { Redirect, RouteMatch } from "./route.ts";

const request: RedirectFacts = {
  scheme: "http",
  authority: "cart.shop:8080",
  port: 8080,
  path: "/old/x",
  query: "a=1",
};

function location(
  redirect: Omit<Redirect, "status">,
  facts: Partial<RedirectFacts> = {},
  match?: RouteMatch,
): string {
  return compileRedirect({ ...redirect, status: 301 }, match).location({ ...request, ...facts });
}

const cases: [
  title: string,
  redirect: Omit<Redirect, "status">,
  facts: Partial<RedirectFacts>,
  expected: string,
][] = [
  [
    "uri replaces the path and keeps the query",
    { uri: "/new" },
    {},
    "http://cart.shop:8080/new?a=1",
  ],
  ["a query in uri wins", { uri: "/new?b=2" }, {}, "http://cart.shop:8080/new?b=2"],
  ["no query stays none", { uri: "/new" }, { query: undefined }, "http://cart.shop:8080/new"],
  ["an empty query stays", { uri: "/new" }, { query: "" }, "http://cart.shop:8080/new?"],
  ["authority replaces host and port", { authority: "b.shop" }, {}, "http://b.shop/old/x?a=1"],
  ["a port is put behind the host", { port: 9090 }, {}, "http://cart.shop:9090/old/x?a=1"],
  ["port 80 of http is left out", { port: 80 }, {}, "http://cart.shop/old/x?a=1"],
  [
    "port 443 of https is left out",
    { port: 443, scheme: "https" },
    {},
    "https://cart.shop/old/x?a=1",
  ],
  ["port 443 of http is not", { port: 443 }, {}, "http://cart.shop:443/old/x?a=1"],
  ["a named port stays", { scheme: "https" }, {}, "https://cart.shop:8080/old/x?a=1"],
  [
    "the old scheme's default port does not stay under a new scheme",
    { scheme: "https" },
    { authority: "cart.shop:80" },
    "https://cart.shop/old/x?a=1",
  ],
  [
    "FROM_REQUEST_PORT is the port the request came to",
    { authority: "b", port: "FROM_REQUEST_PORT" },
    {},
    "http://b:8080/old/x?a=1",
  ],
  [
    "FROM_PROTOCOL_DEFAULT names no port",
    { scheme: "https", port: "FROM_PROTOCOL_DEFAULT" },
    {},
    "https://cart.shop/old/x?a=1",
  ],
  [
    "an IPv6 host keeps its colons",
    { port: 90 },
    { authority: "[::1]" },
    "http://[::1]:90/old/x?a=1",
  ],
];
for (const [title, redirect, facts, expected] of cases) {
  test(title, () => assert.equal(location(redirect, facts), expected));
}

test("prefixRewrite replaces the matched prefix", () => {
  const match: RouteMatch = { uri: { kind: "prefix", value: "/old" } };
  assert.equal(location({ prefixRewrite: "/new" }, {}, match), "http://cart.shop:8080/new/x?a=1");
});

test("a redirect cannot put a header into the answer", () => {
  assert.throws(() => location({ uri: "/a\r\nset-cookie: x" }), InvalidActionError);
  assert.throws(() => location({ authority: "a b" }), InvalidActionError);
});
