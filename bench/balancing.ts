// What choosing an endpoint costs, in ns per choice (medians over rounds, in a hot process), and what each
// algorithm does to requests when one of eleven endpoints stalls or fails fast (Buoyant's experiment).
// Run: npm run bench -- balancing, or `node bench/balancing.ts`.

import { Balancer, type Candidate, pickEndpoint, type TrafficPolicy } from "@heddle/mesh";
import {
  type Misbehaviour,
  simulateBalancing,
} from "../packages/mesh/src/balancing/balancing-simulation.ts";

const ROUNDS = 15;
const OPERATIONS = 1_000_000;
const ENDPOINTS = 10;
const NOW_MS = 1_800_000_000_000;

const OUTLIER_DETECTION: TrafficPolicy["outlierDetection"] = {
  consecutive5xxErrors: 5,
  consecutiveGatewayErrors: 0,
  consecutiveLocalOriginFailures: 5,
  splitsLocalOrigin: false,
  errorCodes: [],
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionRatio: 0.5,
  minHealthRatio: 0,
};
const HASH_KEY = { kind: "header", name: "x-user" } as const;
const of = (algorithm: NonNullable<TrafficPolicy["loadBalancer"]>["algorithm"]): TrafficPolicy => ({
  loadBalancer: { algorithm },
});
const POLICIES: Readonly<Record<string, TrafficPolicy>> = {
  "no policy": {},
  "outlier detection": { outlierDetection: OUTLIER_DETECTION },
  "round robin": of({ kind: "round-robin" }),
  random: of({ kind: "random" }),
  "peak EWMA, penalty 5 s": of({ kind: "peak-ewma", decayMs: 10_000, failurePenaltyMs: 5_000 }),
  "ring hash": of({ kind: "ring-hash", key: HASH_KEY, minimumRingSize: 1024 }),
  maglev: of({ kind: "maglev", key: HASH_KEY, tableSize: 65_537 }),
};

type Server = Candidate & { activeRequests: number };

function makeServers(weightOf: (index: number) => number): Server[] {
  return Array.from({ length: ENDPOINTS }, (_, index) => ({
    endpoint: {
      id: `endpoint-${index}`,
      workload: "web",
      namespace: "shop",
      labels: {},
      address: "10.0.0.1",
      port: 8000 + index,
      identity: undefined,
      weight: weightOf(index),
    },
    activeRequests: index % 3,
  }));
}

function makeBalancer(policy: TrafficPolicy, servers: readonly Server[]): Balancer<Server> {
  const balancer = new Balancer<Server>(0.5);
  balancer.update(servers, policy, { locality: undefined, labels: {} }, NOW_MS);
  return balancer;
}

// Drawn before, so that the draws are not measured.
const draws = Float64Array.from({ length: 4096 }, () => Math.random());
const drawAt = (index: number): number => draws[index & 4095] as number;

const cases: [name: string, run: (index: number) => Server | undefined][] = [];
function add(name: string, run: (index: number) => Server | undefined): void {
  cases.push([name, run]);
}

/** ns per operation over `operations` of them. */
function time(run: (index: number) => Server | undefined, operations: number): number {
  const start = process.hrtime.bigint();
  for (let index = 0; index < operations; index++) if (run(index) === undefined) process.exit(1);
  return Number(process.hrtime.bigint() - start) / operations;
}

const servers = makeServers(() => 1);
add("two choices over an array, nothing else", (index) =>
  pickEndpoint(servers, drawAt(index), drawAt(index + 1)),
);
for (const [name, policy] of Object.entries(POLICIES)) {
  const balancer = makeBalancer(policy, servers);
  const isHashed = balancer.hashKey !== undefined;
  add(`pick: ${name}`, (index) =>
    balancer.pick(
      drawAt(index),
      drawAt(index + 1),
      NOW_MS,
      isHashed ? Math.imul(index, 0x9e3779b9) >>> 0 : undefined,
    ),
  );
}
const weighted = makeBalancer(
  {},
  makeServers((index) => index + 1),
);
add("pick: no policy, weights differ", (index) =>
  weighted.pick(drawAt(index), drawAt(index + 1), NOW_MS),
);
for (const name of ["no policy", "outlier detection", "peak EWMA, penalty 5 s"]) {
  const balancer = makeBalancer(POLICIES[name] ?? {}, servers);
  add(`pick and outcome: ${name}`, (index) => {
    const server = balancer.pick(drawAt(index), drawAt(index + 1), NOW_MS + index);
    if (server !== undefined) balancer.onOutcome(server, 200, 5, NOW_MS + index);
    return server;
  });
}

// All take turns, so that none has the loop compiled for itself alone.
const timings = cases.map((): number[] => []);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, [, run]] of cases.entries()) timings[i]?.push(time(run, OPERATIONS));
}
for (const [i, [name]] of cases.entries()) {
  const median = timings[i]?.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  process.stdout.write(`${name.padEnd(44)} ${median.toFixed(1).padStart(7)} ns\n`);
}

process.stdout.write(
  "\none of 11 endpoints misbehaves for 30 of 60 s, 1000 requests per second:\n",
);
const COLUMNS: readonly [Misbehaviour, string][] = [
  ["stalls", "stalls for 2 s"],
  ["fails-fast", "fails in 1 ms"],
];
for (const [name, policy] of Object.entries(POLICIES)) {
  if (policy.loadBalancer && "key" in policy.loadBalancer.algorithm) continue;
  const cells = COLUMNS.map(([misbehaviour, title]) => {
    const { successRatio, badShare } = simulateBalancing(policy, misbehaviour, 1);
    return `${title}: success ${percent(successRatio)}, its share ${percent(badShare)}`;
  });
  process.stdout.write(`${name.padEnd(24)} ${cells.join("; ")}\n`);
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(2).padStart(6)} %`;
}
