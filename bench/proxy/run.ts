// What a proxied request costs: Heddle in its default configuration beside nginx, HAProxy and Envoy as bare
// proxies, taking turns in one run on one machine. docs/benchmarks.md says what each case means.
//
//   npm run bench -- proxy [--cases hop-get,pair] [--rounds 5] [--seconds 2]

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findFreePorts, TestAuthority } from "@heddle/testkit";
import { CASES, type Case, type Effort, type Values } from "./cases.ts";
import { applyClosedLoop } from "./closed-loop.ts";
import { hasGrpcPrograms, startGrpcUpstream } from "./grpc.ts";
import { writePage } from "./page.ts";
import { LOAD_CORE, mark, start, stopSince } from "./processes.ts";
import {
  type Measured,
  RESULTS_FILE,
  type ResultRow,
  type Results,
  rowsOf,
  writeResults,
} from "./results.ts";
import { writeCertificates } from "./subjects/certificate-files.ts";
import { startEnvoy } from "./subjects/envoy.ts";
import { startHaproxy } from "./subjects/haproxy.ts";
import { startHeddle, startPlainHeddle } from "./subjects/heddle.ts";
import { startNginx, startNginxUpstream } from "./subjects/nginx.ts";
import type { Contestant, Shape, Surroundings } from "./subjects/subject.ts";
import { versionsOfPeers } from "./subjects/versions.ts";
import { tableOf } from "./table.ts";

/** Once for each contestant: until hot code has been compiled. What a proxy costs in its first seconds is not measured. */
const FIRST_WARM_UP = { connections: 64, bodyBytes: 0, seconds: 3 };
const PUSH_MS = 2_500;
const NGINX = [startNginx, "apt-get install nginx-light libnginx-mod-stream"] as const;
const HAPROXY = [startHaproxy, "apt-get install haproxy"] as const;
const ENVOY = [startEnvoy, "put a program `envoy` on the PATH (see docs/benchmarks.md)"] as const;
const PLAIN = [startPlainHeddle, ""] as const;
const PEERS = [NGINX, HAPROXY, ENVOY] as const;

/** Filters are Heddle's own; what they and rules cost is told beside a Heddle without them. */
function peersOf(shape: Shape) {
  return shape === "filters" ? [PLAIN] : shape === "rules" ? [...PEERS, PLAIN] : PEERS;
}

const { rounds, seconds, cases } = options();
const [startedAtLoad = 0] = loadavg();
const folder = mkdtempSync(join(tmpdir(), "heddle-bench-"));
const rows: ResultRow[] = [];
try {
  await measureAll();
  process.stdout.write(`\n${tableOf(rows)}\n\nwritten to ${RESULTS_FILE} and docs/benchmarks.md\n`);
} finally {
  await stopSince(0);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
process.exit(0);

function options(): { rounds: number; seconds: number; cases: readonly Case[] } {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      cases: { type: "string", default: "" },
    },
  });
  const wanted = values.cases.split(",").map((text) => text.trim());
  const chosen = CASES.filter(({ id }) => wanted.some((part) => id.includes(part)));
  if (chosen.length === 0) {
    fail(`--cases: "${values.cases}" names none of ${CASES.map(({ id }) => id).join(", ")}`);
  }
  return {
    rounds: wholeNumber("--rounds", values.rounds),
    seconds: wholeNumber("--seconds", values.seconds),
    cases: chosen,
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000) {
    fail(`${name}: expected a whole number from 1 to 1000 (is "${text}")`);
  }
  return value;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

async function measureAll(): Promise<void> {
  const authority = await TestAuthority.create();
  const [http = 0, grpc = 0, tcp = 0, sinkPort = 0] = await findFreePorts(4);
  const sink = program("otlp-sink.ts", sinkPort);
  await new Promise((resolve) => sink.once("message", resolve));
  if (!startNginxUpstream(folder, http)) program("upstream.ts", http);
  startGrpcUpstream(grpc);
  program("tcp-source.ts", tcp);
  const around: Surroundings = {
    folder,
    upstreamPorts: { http, grpc, tcp },
    authority,
    files: await writeCertificates(folder, authority),
    otlpUrl: `http://127.0.0.1:${sinkPort}`,
  };
  await fillCompileCache(around);
  for (const shape of new Set(cases.map((each) => each.shape))) {
    const ofShape = cases.filter((each) => each.shape === shape);
    if (shape.startsWith("grpc") && !hasGrpcPrograms) {
      process.stdout.write(
        "gRPC is left out; to have it: apt-get install nghttp2-client nghttp2-server\n",
      );
      continue;
    }
    const since = mark();
    const contestants = await startContestants(shape, around);
    rows.push(...(await measureShape(ofShape, contestants, around)));
    write();
    await requireTelemetry(sink);
    await stopSince(since);
  }
}

/** The first proxy after an update strips types and holds memory for it; those after it do not. */
async function fillCompileCache(around: Surroundings): Promise<void> {
  const since = mark();
  await startPlainHeddle("hop", around);
  await stopSince(since);
}

function program(name: string, port: number) {
  const path = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  return start(LOAD_CORE, process.execPath, [path, String(port)], { ipc: true });
}

async function startContestants(shape: Shape, around: Surroundings): Promise<Contestant[]> {
  const all: Contestant[] = [await startHeddle(shape, around)];
  for (const [startPeer, howToInstall] of peersOf(shape)) {
    const peer = await startPeer(shape, around);
    if (peer !== undefined) all.push(peer);
    else process.stdout.write(`${shape}: a peer is left out; to have it: ${howToInstall}\n`);
  }
  return all;
}

async function measureShape(
  ofShape: readonly Case[],
  contestants: readonly Contestant[],
  { upstreamPorts }: Surroundings,
): Promise<ResultRow[]> {
  const direct = { name: "direct", port: upstreamPorts.http, host: "plain", pids: [] };
  const measured = new Map(ofShape.map((each) => [each, new Map<string, Values[]>()]));
  const effort: Effort = { seconds, folder };
  const measure = async (each: Case, contestant: Contestant) => {
    const values = await each.measure(contestant, direct, effort);
    const ofCase = measured.get(each) as Map<string, Values[]>;
    ofCase.set(contestant.name, [...(ofCase.get(contestant.name) ?? []), values]);
  };
  for (const each of ofShape.filter(({ isOfFreshProcess }) => isOfFreshProcess)) {
    for (const contestant of contestants) await measure(each, contestant);
  }
  if (["hop", "pair", "rules", "filters"].includes(ofShape[0]?.shape ?? "")) {
    for (const { port, host } of contestants) {
      await applyClosedLoop({ port, host, folder, ...FIRST_WARM_UP });
    }
  }
  for (let round = 1; round <= rounds; round++) {
    for (const each of ofShape.filter(({ isOfFreshProcess }) => !isOfFreshProcess)) {
      // Another one begins each time, so that none always follows the same.
      const first = round % contestants.length;
      for (const contestant of [...contestants.slice(first), ...contestants.slice(0, first)]) {
        await measure(each, contestant);
      }
    }
    process.stdout.write(`${ofShape[0]?.shape}: round ${round} of ${rounds} done\n`);
  }
  return [...measured].flatMap(([each, ofCase]) => rowsOf(each, inOrder(ofCase, contestants)));
}

function inOrder(ofCase: Measured, contestants: readonly Contestant[]): Measured {
  return new Map(contestants.map(({ name }) => [name, ofCase.get(name) ?? []]));
}

/** A Heddle whose telemetry goes nowhere would look cheaper than it is. */
async function requireTelemetry(sink: ReturnType<typeof program>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PUSH_MS));
  const { requests, spans } = await new Promise<{ requests: number; spans: number }>((resolve) => {
    sink.once("message", (sums) => resolve(sums as { requests: number; spans: number }));
    sink.send("sums");
  });
  process.stdout.write(`telemetry received so far: ${requests} requests, ${spans} spans\n`);
  if (requests === 0)
    throw new Error("no telemetry has arrived: the figures are not of the default");
}

function write(): void {
  const machine = {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? "unknown",
    node: process.version,
    loadAverageBefore: startedAtLoad,
  };
  const results: Results = {
    measuredAt: new Date().toISOString(),
    machine,
    versions: versionsOfPeers(),
    rounds,
    seconds,
    cases: rows,
  };
  writeResults(results);
  writePage(results);
}
