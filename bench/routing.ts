// What finding a route costs: nanoseconds and heap bytes per request, the median over rounds, in a hot
// process. Run: npm run bench -- routing, or `node --expose-gc bench/routing.ts` for the bytes.

import {
  compileRoutes,
  findRoute,
  normalizePath,
  type RequestFacts,
  type Route,
  type RouteMatch,
} from "@heddle/mesh";

const ROUNDS = 15;
const OPERATIONS = 200_000;

const service = { namespace: "shop", name: "reviews" };
const last: RequestFacts = {
  method: "GET",
  path: "/api/v1/products/1234",
  authority: "reviews.shop:8080",
  query: "page=1&sort=price",
  scheme: "http",
  port: 8080,
  header: (name) => (name === "x-user" ? "jo" : undefined),
};

function route(name: string, ...matches: RouteMatch[]): Route {
  return { name, matches, destinations: [{ service, weight: 1 }] };
}

/** `count` routes of which the last takes the request; a single one takes every request. */
function table(count: number, match: (index: number) => RouteMatch) {
  const missing = Array.from({ length: count - 1 }, (_, index) => route(`${index}`, match(index)));
  return compileRoutes([...missing, route("last")]);
}

const byPrefix = (index: number): RouteMatch => ({
  uri: { kind: "prefix", value: `/api/v1/orders-${index}/` },
});
const byHeader = (index: number): RouteMatch => ({
  headers: { "x-user": { kind: "exact", value: `user-${index}` } },
});
const byRegex = (index: number): RouteMatch => ({
  uri: { kind: "regex", value: `/api/v1/orders-${index}/[0-9]+` },
});

const tables = {
  "1 route, plain": table(1, byPrefix),
  "10 routes, by prefix": table(10, byPrefix),
  "100 routes, by prefix": table(100, byPrefix),
  "10 routes, by header": table(10, byHeader),
  "10 routes, by regular expression": table(10, byRegex),
};

const operations: Record<string, () => unknown> = Object.fromEntries(
  Object.entries(tables).map(([name, routes]) => [name, () => findRoute(routes, last)]),
);
operations["a path in normal form"] = () => normalizePath(last.path, "MERGE_SLASHES");
operations["a path with %20"] = () => normalizePath("/api/v1/a%20b/c", "MERGE_SLASHES");

for (const [name, run] of Object.entries(operations)) {
  const rounds = Array.from({ length: ROUNDS }, () => measure(run));
  const ns = median(rounds.map((round) => round.ns));
  const bytes = median(rounds.map((round) => round.bytes));
  process.stdout.write(
    `${name.padEnd(34)} ${ns.toFixed(0).padStart(6)} ns ${bytes.toFixed(1).padStart(7)} B\n`,
  );
}

function measure(run: () => unknown): { ns: number; bytes: number } {
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const start = process.hrtime.bigint();
  for (let index = 0; index < OPERATIONS; index++) run();
  const ns = Number(process.hrtime.bigint() - start) / OPERATIONS;
  return { ns, bytes: Math.max(0, process.memoryUsage().heapUsed - heap) / OPERATIONS };
}

function median(values: number[]): number {
  return values.sort((one, other) => one - other)[values.length >> 1] ?? 0;
}
