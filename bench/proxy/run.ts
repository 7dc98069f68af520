// CPU a proxied request costs: our proxy in its default configuration beside nginx as a bare reverse
// proxy, one plaintext hop and a pair with mutual TLS between, in interleaved rounds. CPU time of the
// proxies' own threads is steady even where the machine is busy; requests per second are not.
//
//   npm run bench -- proxy [--rounds 5] [--seconds 2]

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findFreePorts, TestAuthority } from "@heddle/testkit";
import { serviceAt, startProxy } from "./heddle.ts";
import { apply, type Load } from "./load.ts";
import { hopConfig, pairConfigs, upstreamConfig } from "./nginx.ts";
import {
  cpuNs,
  findProgram,
  LOAD_CORE,
  MEASURED_CORE,
  memoryMib,
  start,
  stopAll,
} from "./processes.ts";

const RESULTS = fileURLToPath(new URL("../results/proxy.json", import.meta.url));
/** Connections and handshakes of each measurement. */
const WARM_UP_SECONDS = 1;
/** Once, before all: until the hot code has been compiled. What a proxy costs in its first seconds is not measured. */
const FIRST_WARM_UP: Pick<Load, "connections" | "bodyBytes" | "seconds"> = {
  connections: 64,
  bodyBytes: 0,
  seconds: 3,
};

/** On a machine that others keep busy, a whole measurement can pass without a turn on the core. */
const ATTEMPTS = 4;

type Contestant = {
  readonly name: string;
  readonly shape: "hop" | "pair";
  readonly port: number;
  readonly host: string;
  readonly pids: readonly number[];
};
type Scenario = Pick<Load, "connections" | "bodyBytes">;
const SCENARIOS: readonly Scenario[] = [
  { connections: 16, bodyBytes: 0 },
  { connections: 64, bodyBytes: 0 },
  { connections: 64, bodyBytes: 10_240 },
];

type Measured = { microseconds: number; requestsPerSecond: number };

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "2" } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (!(rounds >= 1 && seconds >= 1))
  throw new RangeError("--rounds and --seconds take numbers from 1 on");

const folder = mkdtempSync(join(tmpdir(), "heddle-bench-"));
try {
  const contestants = await startAll();
  await measureAll(contestants);
} finally {
  stopAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
process.exit(0);

async function startAll(): Promise<Contestant[]> {
  const authority = await TestAuthority.create();
  const [upstream = 0, hop = 0, front = 0, back = 0] = await findFreePorts(4);
  const nginx = findProgram("nginx");
  if (nginx === undefined) {
    const script = fileURLToPath(new URL("upstream.ts", import.meta.url));
    start(LOAD_CORE, process.execPath, [script, String(upstream)]);
  } else start(LOAD_CORE, nginx, upstreamConfig(folder, upstream));
  const names = { namespace: "shop", workload: "reviews", service: "reviews" };
  const reviews = await startProxy(
    folder,
    { service: "reviews", appPort: upstream },
    authority,
    [],
  );
  const ours = await startProxy(folder, { service: "front" }, authority, [
    ...serviceAt("plain", upstream),
    ...serviceAt("reviews", reviews.inboundPort, authority.spiffeId(names)),
  ]);
  const contestants: Contestant[] = [
    { name: "heddle", shape: "hop", port: ours.outboundPort, host: "plain", pids: [ours.pid] },
    {
      name: "heddle",
      shape: "pair",
      port: ours.outboundPort,
      host: "reviews",
      pids: [ours.pid, reviews.pid],
    },
  ];
  if (nginx === undefined) {
    process.stdout.write("nginx is not installed: no comparison\n");
    return contestants;
  }
  const certificate = await authority.issueWorkload(names);
  const ports = { front, back, to: upstream };
  const configs = pairConfigs(folder, ports, certificate, authority.trustBundlePem);
  const pidOf = (args: readonly string[]) => start(MEASURED_CORE, nginx, args).pid as number;
  const host = "plain";
  contestants.push(
    {
      name: "nginx",
      shape: "hop",
      port: hop,
      host,
      pids: [pidOf(hopConfig(folder, hop, upstream))],
    },
    {
      name: "nginx",
      shape: "pair",
      port: front,
      host,
      pids: [pidOf(configs.front), pidOf(configs.back)],
    },
  );
  return contestants;
}

async function measure(contestant: Contestant, scenario: Scenario): Promise<Measured> {
  const load = { port: contestant.port, host: contestant.host, ...scenario };
  await apply({ ...load, seconds: WARM_UP_SECONDS }, folder);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const beforeNs = cpuNsOf(contestant);
    const { requests, failures } = await apply({ ...load, seconds }, folder);
    const usedNs = cpuNsOf(contestant) - beforeNs;
    if (failures > 0) {
      throw new Error(
        `${contestant.name} ${contestant.shape}: ${failures} of ${requests} requests failed`,
      );
    }
    if (requests > 0) {
      return { microseconds: usedNs / requests / 1_000, requestsPerSecond: requests / seconds };
    }
  }
  throw new Error(
    `${contestant.name} ${contestant.shape}: no request was answered within ${seconds} s`,
  );
}

function cpuNsOf({ pids }: Contestant): number {
  return pids.reduce((sum, pid) => sum + cpuNs(pid), 0);
}

async function measureAll(contestants: readonly Contestant[]): Promise<void> {
  const all = new Map<string, Measured[]>();
  const fresh = memoryOf(contestants);
  for (const { port, host } of contestants) await apply({ port, host, ...FIRST_WARM_UP }, folder);
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of SCENARIOS) {
      for (const contestant of contestants) {
        const key = `${contestant.name}|${contestant.shape}|${scenario.connections}|${scenario.bodyBytes}`;
        all.set(key, [...(all.get(key) ?? []), await measure(contestant, scenario)]);
      }
    }
    const rows = [...all].map(([key, list]) => toRow(key, list, all));
    write({ rounds: round, rows, memory: { fresh, afterLoad: memoryOf(contestants) } });
    process.stdout.write(`round ${round} of ${rounds} done\n`);
    if (round === rounds) print(rows);
  }
  process.stdout.write(`written to ${RESULTS}\n`);
}

/** After each round, so that a run that is cut short leaves what it has measured. */
function write(measured: Readonly<Record<string, unknown>>): void {
  mkdirSync(join(RESULTS, ".."), { recursive: true });
  const machine = {
    cores: availableParallelism(),
    model: cpus()[0]?.model,
    node: process.version,
    loadAverage: loadavg()[0],
  };
  const report = { measuredAt: new Date().toISOString(), machine, seconds, ...measured };
  writeFileSync(RESULTS, `${JSON.stringify(report, undefined, 2)}\n`);
}

function memoryOf(contestants: readonly Contestant[]) {
  return contestants.map(({ name, shape, pids }) => ({
    name,
    shape,
    processes: pids.map(memoryMib),
  }));
}

type Row = {
  name: string;
  shape: string;
  connections: number;
  bodyBytes: number;
  microseconds: number;
  requestsPerSecond: number;
  /** Median over the rounds of ours / nginx in the same round; `undefined`: no nginx. */
  ratioToNginx: number | undefined;
};

function toRow(
  key: string,
  list: readonly Measured[],
  all: ReadonlyMap<string, readonly Measured[]>,
): Row {
  const [name = "", shape = "", connections, bodyBytes] = key.split("|");
  const nginx = all.get(`nginx|${shape}|${connections}|${bodyBytes}`);
  const ratios = nginx?.map((each, index) => (list[index]?.microseconds ?? 0) / each.microseconds);
  return {
    name,
    shape,
    connections: Number(connections),
    bodyBytes: Number(bodyBytes),
    microseconds: median(list.map((each) => each.microseconds)),
    requestsPerSecond: median(list.map((each) => each.requestsPerSecond)),
    ratioToNginx: ratios === undefined ? undefined : median(ratios),
  };
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function print(rows: readonly Row[]): void {
  const sorted = rows.toSorted((a, b) =>
    `${a.shape}${a.bodyBytes}${a.connections + 100}`.localeCompare(
      `${b.shape}${b.bodyBytes}${b.connections + 100}`,
    ),
  );
  const cells = [
    ["proxy", "shape", "request", "connections", "CPU µs/request", "requests/s", "× nginx"],
  ];
  for (const row of sorted) {
    cells.push([
      row.name,
      row.shape === "pair" ? "pair, mTLS" : "one hop",
      row.bodyBytes === 0 ? "GET 1 KiB" : `POST ${row.bodyBytes / 1_024} KiB`,
      String(row.connections),
      row.microseconds.toFixed(1),
      row.requestsPerSecond.toFixed(0),
      row.ratioToNginx?.toFixed(2) ?? "",
    ]);
  }
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of cells) {
    process.stdout.write(
      `${line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}
