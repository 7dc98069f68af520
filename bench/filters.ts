// What a workload's filters and policies add to one request, in the proxy's own code without the sockets:
// nanoseconds of CPU a request, the median of several rounds that take turns. A worker's price is CPU of all
// threads and the time a request waits for it. Run: npm run bench -- filters.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RequestParser, ResponseParser } from "@heddle/http1";
import { type AuthorizationPolicy, normalizePath } from "@heddle/mesh";
import { createLogger } from "@heddle/runtime";
import { compileWorkloadPolicy } from "../apps/proxy/src/core/workload-policy.ts";
import { type FilterSetting, NO_FILTERS } from "../apps/proxy/src/filters/active-filter.ts";
import { compileFilters } from "../apps/proxy/src/filters/compile-filters.ts";
import type { FilterHost } from "../apps/proxy/src/filters/filter-context.ts";
import { FilterLibrary } from "../apps/proxy/src/filters/filter-library.ts";
import { FilterRun } from "../apps/proxy/src/filters/filter-run.ts";
import { Authorization, ShadowNote } from "../apps/proxy/src/inbound/authorization.ts";
import { InboundFacts } from "../apps/proxy/src/inbound/inbound-facts.ts";
import { RateLimitNote, RateLimits } from "../apps/proxy/src/inbound/rate-limits.ts";
import { Recorder } from "../apps/proxy/src/telemetry/recorder.ts";
import { fieldNames } from "../apps/proxy/src/transport/proxy-fields.ts";

const ROUNDS = 7;
const REQUESTS = 200_000;
const WORKER_REQUESTS = 20_000;
const WORKER_CONCURRENCY = 16;

const KEY = "a key of some length";
const REQUEST = Buffer.from(
  [
    "GET /api/v1/reviews/17?sort=new HTTP/1.1",
    "Host: reviews.shop:9080",
    "User-Agent: bench/1.0",
    "Accept: */*",
    "Accept-Encoding: gzip, deflate",
    "Cookie: theme=dark; heddle-version=v2",
    `X-Api-Key: ${KEY}`,
    "X-Request-Id: 3d0f4c4e-8b1f-4cf5-9a55-2f4e8b1c0f1d",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    "\r\n",
  ].join("\r\n"),
);
const RESPONSE = Buffer.from(
  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n\r\n",
);

const recorder = new Recorder({ samplingRatio: 0.01, draw: Math.random });
const logger = createLogger("bench", "silent");
const request = new RequestParser(fieldNames);
const response = new ResponseParser(fieldNames);
const caller = {
  peer: undefined,
  address: "10.0.0.7",
  localAddress: "10.0.0.8",
  serverName: undefined,
};
const filterHost: FilterHost = {
  request,
  recorder,
  logger,
  peer: { identity: undefined, workload: undefined, address: "10.0.0.7" },
  route: "default",
  destination: {
    service: "shop/reviews",
    workload: "shop/reviews-v2",
    version: "v2",
    subset: "v2",
  },
};

function readHeads(): void {
  request.reset();
  request.parse(REQUEST, 0, REQUEST.length);
  request.detach(REQUEST.length);
  response.reset("GET");
  response.parse(RESPONSE, 0, RESPONSE.length);
}

const own = mkdtempSync(join(tmpdir(), "heddle-bench-filters-"));
const noop = (name: string, hooks: string) =>
  `import { defineFilter } from "@heddle/filter-api";
   import { z } from "zod";
   export default defineFilter({ name: "${name}", settings: z.object({}), ${hooks} });`;
writeFileSync(
  join(own, "looks.ts"),
  noop("looks", "onRequestHead(r) { r.headers.get('accept'); }"),
);
writeFileSync(
  join(own, "writes.ts"),
  noop("writes", "onRequestHead(r) { r.headers.set('x-a', 'b'); }"),
);
writeFileSync(
  join(own, "waits.ts"),
  noop("waits", "async onRequestHead(r) { r.headers.get('accept'); }"),
);
const ownLibrary = new FilterLibrary(own, logger);
await ownLibrary.load();
const folder = fileURLToPath(new URL("../examples/filters", import.meta.url));
const examples = new FilterLibrary(folder, logger);
await examples.load();

function chainOf(
  library: FilterLibrary,
  name: string,
  settings: unknown,
  rest: Partial<FilterSetting> = {},
) {
  const setting = {
    ...{
      name,
      direction: "inbound" as const,
      settings,
      onFailure: "fail" as const,
      budgetMs: 5_000,
    },
    ...rest,
  };
  const { all, inbound } = compileFilters([setting], "shop/reviews", library, NO_FILTERS, false);
  if (inbound === undefined) throw new Error(`${name} is no inbound filter`);
  return { chain: inbound, all };
}

const VOICE = { origin: "inbound-proxy; workload=shop/reviews", blame: "inbound-proxy" as const };
const END = { status: 200, flags: "-", durationMs: 1, requestBytes: 0, responseBytes: 17 };

/** One exchange through a chain whose hooks return at once. */
function exchangeThrough({ chain }: ReturnType<typeof chainOf>): () => void {
  return () => {
    readHeads();
    const run = new FilterRun(chain, filterHost, VOICE);
    run.onRequestHead((verdict) => {
      if (verdict !== undefined) throw new Error("the filter did not let the request pass");
    });
    run.onResponseHead(response);
    run.end(END);
  };
}

const allow = (rules: number): AuthorizationPolicy => ({
  ...{ namespace: "shop", name: "reviews", action: "ALLOW", isShadow: false },
  rules: Array.from({ length: rules }, (_, index) => ({
    from: [],
    to: [{ methods: ["GET"], paths: [index === rules - 1 ? "/api/*" : `/area-${index}/*`] }],
    when: [],
  })),
});
const limit = {
  ...{ name: "api", matches: [], requests: 1_000_000_000, windowMs: 1_000, burst: 1_000_000 },
  ...{ key: { kind: "source-address" as const }, isShadow: false, rule: "RateLimit shop/api" },
};
function policyOf(rest: { authorization?: AuthorizationPolicy[]; rateLimits?: (typeof limit)[] }) {
  const workload = { namespace: "shop", name: "reviews" };
  const head = { kind: "workload", key: "", version: "", workload, revision: 0 } as const;
  return compileWorkloadPolicy({ ...head, mtlsMode: "STRICT", ...rest }, undefined);
}

function authorizing(rules: number): () => void {
  const { authorization } = policyOf({ authorization: [allow(rules)] });
  const asked = new Authorization(recorder, "shop/reviews");
  const facts = new InboundFacts(request, caller, 9080);
  const note = new ShadowNote();
  return () => {
    readHeads();
    if (authorization === undefined) return;
    if (asked.checkRequest(authorization, facts, note)) throw new Error("it was denied");
  };
}

function limiting(): () => void {
  const { rateLimits = [] } = policyOf({ rateLimits: [limit] });
  const limits = new RateLimits(recorder, "shop/reviews");
  const facts = new InboundFacts(request, caller, 9080);
  const note = new RateLimitNote();
  return () => {
    readHeads();
    limits.take(rateLimits, facts, performance.now(), note);
    if (note.fields.length === 0) throw new Error("the limit was not asked");
  };
}

const digest = createHash("sha256").update(KEY).digest("hex");
const CASES: Readonly<Record<string, () => void>> = {
  "(reading the two heads alone)": readHeads,
  "path normalisation, nothing to do": () => {
    readHeads();
    normalizePath("/api/v1/reviews/17", "BASE");
  },
  "AuthorizationPolicy, 1 rule": authorizing(1),
  "AuthorizationPolicy, 20 rules, the last holds": authorizing(20),
  "RateLimit by address, with its headers": limiting(),
  "filter that reads one header": exchangeThrough(chainOf(ownLibrary, "looks", {})),
  "filter that writes one header": exchangeThrough(chainOf(ownLibrary, "writes", {})),
  "api-key, one key": exchangeThrough(chainOf(examples, "api-key", { keys: { acme: digest } })),
  "canary-cookie": exchangeThrough(
    chainOf(examples, "canary-cookie", { service: "shop/reviews", subsets: ["v1", "v2"] }),
  ),
};

function measure(one: () => void, count: number): number {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) one();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / count;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
}

/** Requests whose hook makes them wait, so many at a time: CPU and waiting time of one, in ns. */
async function measureWaiting({
  chain,
}: ReturnType<typeof chainOf>): Promise<[cpu: number, wait: number]> {
  const waits: number[] = [];
  const one = () =>
    new Promise<void>((resolve, reject) => {
      readHeads();
      const startMs = performance.now();
      const run = new FilterRun(chain, filterHost, VOICE);
      run.onRequestHead((verdict) => {
        waits.push((performance.now() - startMs) * 1e6);
        if (verdict === undefined) resolve();
        else reject(new Error("the filter did not let the request pass"));
      });
    });
  const before = process.cpuUsage();
  const lane = async () => {
    for (let index = 0; index < WORKER_REQUESTS / WORKER_CONCURRENCY; index++) await one();
  };
  await Promise.all(Array.from({ length: WORKER_CONCURRENCY }, lane));
  const { user, system } = process.cpuUsage(before);
  return [((user + system) * 1_000) / WORKER_REQUESTS, median(waits)];
}

for (const one of Object.values(CASES)) measure(one, 20_000);
const taken: Record<string, number[]> = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, one] of Object.entries(CASES)) {
    taken[name] = [...(taken[name] ?? []), measure(one, REQUESTS)];
  }
}
const base = median(taken["(reading the two heads alone)"] ?? []);
const write = (name: string, text: string) => process.stdout.write(`${name.padEnd(48)} ${text}\n`);
for (const [name, values] of Object.entries(taken)) {
  const ns = median(values) - (name.startsWith("(") ? 0 : base);
  write(name, `${String(Math.round(ns)).padStart(7)} ns`);
}
for (const [title, rest] of [
  ["async filter, in the proxy's thread", {}],
  ["the same in a worker", { isolation: "worker" as const }],
] as const) {
  const made = chainOf(ownLibrary, "waits", {}, rest);
  await measureWaiting(made);
  const rounds: [number, number][] = [];
  for (let round = 0; round < 3; round++) rounds.push(await measureWaiting(made));
  const cpu = Math.round(median(rounds.map(([one]) => one)));
  const wait = Math.round(median(rounds.map(([, one]) => one)) / 1_000);
  write(
    title,
    `${String(cpu).padStart(7)} ns CPU, waits ${wait} µs with ${WORKER_CONCURRENCY} at a time`,
  );
}
rmSync(own, { recursive: true, force: true });
process.exit(0);
