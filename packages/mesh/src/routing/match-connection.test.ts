import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectionFacts, compileTcpRoutes, findTcpRoute } from "./match-connection.ts";
import type { TcpMatch, TcpRoute } from "./route.ts";
import { pickDestination } from "./split.ts";

const service = { namespace: "shop", name: "db" };

function route(name: string, ...matches: TcpMatch[]): TcpRoute {
  return { name, matches, destinations: [{ service, weight: 1 }] };
}

function taken(routes: readonly TcpRoute[], given: Partial<ConnectionFacts>): string | undefined {
  const connection = { sni: undefined, destinationAddress: undefined, port: undefined, ...given };
  return findTcpRoute(compileTcpRoutes(routes), connection)?.route.name;
}

test("a route without match takes every connection", () => {
  assert.equal(taken([route("any")], {}), "any");
});

test("conditions of a block are ANDed, blocks are ORed", () => {
  const routes = [route("db", { port: 5432, destinationSubnets: ["10.0.0.0/8"] }, { port: 5433 })];
  const given = [
    { port: 5432, destinationAddress: "10.1.1.1" },
    { port: 5432, destinationAddress: "11.1.1.1" },
    { port: 5432 },
    { port: 5433 },
  ];
  assert.deepEqual(
    given.map((one) => taken(routes, one)),
    ["db", undefined, undefined, "db"],
  );
});

const names = [
  route("com", { sniHosts: ["*.com"] }),
  route("example", { sniHosts: ["*.example.com"] }),
  route("exact", { sniHosts: ["a.example.com"] }),
  route("later", { sniHosts: ["a.example.com"] }),
];
const sniCases: [sni: string | undefined, expected: string | undefined][] = [
  ["foo.com", "com"],
  ["foo.example.com", "example"],
  ["a.b.example.com", "example"],
  ["A.Example.com", "exact"],
  ["com", undefined],
  [".com", undefined],
  ["foo.org", undefined],
  [undefined, undefined],
];
for (const [sni, expected] of sniCases) {
  test(`the server name ${sni} takes route ${expected}`, () => {
    assert.equal(taken(names, { sni }), expected);
  });
}

test("the longest subnet wins, whatever the list order", () => {
  const routes = [
    route("wide", { destinationSubnets: ["10.0.0.0/8"] }),
    route("narrow", { destinationSubnets: ["10.1.0.0/16"] }),
  ];
  assert.equal(taken(routes, { destinationAddress: "10.1.2.3" }), "narrow");
});

test("nothing behind a block without subnet and server name is reached", () => {
  const routes = [route("any", {}), route("narrow", { destinationSubnets: ["10.1.0.0/16"] })];
  assert.equal(taken(routes, { destinationAddress: "10.1.2.3" }), "any");
});

test("a known caller decides the source once, an unknown one matches no such rule", () => {
  const routes = [route("frontend", { source: { labels: { app: "frontend" } } })];
  const caller = { namespace: "shop", labels: { app: "frontend", version: "v1" } };
  assert.equal(compileTcpRoutes(routes, caller).length, 1);
  assert.equal(compileTcpRoutes(routes, { ...caller, labels: {} }).length, 0);
  assert.equal(taken(routes, {}), undefined);
  assert.equal(taken(routes, { source: caller }), "frontend");
});

test("connections are split by weight", () => {
  const destinations = [
    { service, weight: 1 },
    { service, weight: 3 },
  ];
  const [compiled] = compileTcpRoutes([{ name: "split", matches: [], destinations }]);
  assert.ok(compiled);
  const picks = [0, 0.24, 0.26, 0.99].map((draw) => pickDestination(compiled.split, draw));
  assert.deepEqual(picks, [0, 0, 1, 1]);
});
