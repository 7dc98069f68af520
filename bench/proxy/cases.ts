import { applyClosedLoop } from "./closed-loop.ts";
import { applyGrpcLoad } from "./grpc.ts";
import { applyOpenLoad } from "./open-loop.ts";
import { cpuNs, type MemoryMib, memoryMib } from "./processes.ts";
import type { Contestant, Shape } from "./subjects/subject.ts";
import { drainStream } from "./tcp.ts";

/** What is measured, with the unit in the name. */
export type Metric =
  | "cpu_us_per_request"
  | "requests_per_second"
  | "cpu_us_per_mib"
  | "mib_per_second"
  | "added_p50_ms"
  | "added_p99_ms"
  | "private_mib"
  | "rss_mib";

export type Values = Partial<Readonly<Record<Metric, number>>>;

/** How long and with what a case is measured. */
export type Effort = { readonly seconds: number; readonly folder: string };

export type Case = {
  /** For `--cases`. */
  readonly id: string;
  readonly name: string;
  readonly shape: Shape;
  /** Before any load and once, instead of once a round. */
  readonly isOfFreshProcess: boolean;
  /** `direct` is the way without a proxy, for what is told as a difference from it. */
  measure(contestant: Contestant, direct: Contestant, effort: Effort): Promise<Values>;
};

const WARM_UP_SECONDS = 1;
/** On a machine that others keep busy, a whole measurement can pass without a turn on the core. */
const ATTEMPTS = 4;
const OPEN_RATE = 1_000;
const OPEN_CONNECTIONS = 16;
const BUSY_CONNECTIONS = 64;
const POST_BYTES = 10_240;
const FRESH_MS = 2_000;
const BUSY_SECONDS = 8;

const GRPC_STREAMS = 16;
/** Differences of latency below this are the generator's own. */
const LEAST_ADDED_MS = 0.001;
const MIB = 1_048_576;

const SHAPE_NAMES: Readonly<Record<Shape, string>> = {
  hop: "one hop",
  pair: "mTLS pair",
  rules: "one hop, the last of 50 rules",
  filters: "one hop, two filters",
  grpc: "one hop, gRPC",
  "grpc-pair": "mTLS pair, gRPC",
  tcp: "one hop, TCP",
  "tcp-pair": "mTLS pair, TCP",
};

const get = (shape: Shape, connections: number) => closedCase(shape, connections, 0);
const post = (shape: Shape, connections: number) => closedCase(shape, connections, POST_BYTES);

/** Every case, shape by shape. */
export const CASES: readonly Case[] = [
  freshMemory("hop"),
  busyMemory("hop"),
  get("hop", 1),
  get("hop", 16),
  get("hop", 64),
  get("hop", 256),
  post("hop", 16),
  post("hop", 64),
  usedMemory("hop"),
  openCase("hop"),
  freshMemory("pair"),
  busyMemory("pair"),
  get("pair", 1),
  get("pair", 16),
  get("pair", 64),
  get("pair", 256),
  post("pair", 64),
  usedMemory("pair"),
  openCase("pair"),
  get("rules", 64),
  get("filters", 64),
  grpcCase("grpc", 1),
  grpcCase("grpc", 4),
  grpcCase("grpc-pair", 4),
  tcpCase("tcp"),
  tcpCase("tcp-pair"),
];

function closedCase(shape: Shape, connections: number, bodyBytes: number): Case {
  const request = bodyBytes === 0 ? "GET 1 KiB" : `POST ${bodyBytes / 1_024} KiB`;
  const plural = connections === 1 ? "connection" : "connections";
  return {
    id: `${shape}-${bodyBytes === 0 ? "get" : "post"}-${connections}`,
    name: `${SHAPE_NAMES[shape]}, ${request}, ${connections} ${plural}`,
    shape,
    isOfFreshProcess: false,
    measure: async (contestant, _direct, { seconds, folder }) => {
      const { port, host } = contestant;
      const load = { port, host, connections, bodyBytes, folder };
      await applyClosedLoop({ ...load, seconds: WARM_UP_SECONDS });
      return measureRequests(contestant, seconds, () => applyClosedLoop({ ...load, seconds }));
    },
  };
}

function grpcCase(shape: Shape, connections: number): Case {
  const plural = connections === 1 ? "connection" : "connections";
  return {
    id: `${shape}-${connections}`,
    name: `${SHAPE_NAMES[shape]}, unary 128 B, ${connections} ${plural} of ${GRPC_STREAMS} streams`,
    shape,
    isOfFreshProcess: false,
    measure: async (contestant, _direct, { seconds, folder }) => {
      const { port, host } = contestant;
      const load = { port, host, connections, streams: GRPC_STREAMS, folder };
      await applyGrpcLoad({ ...load, seconds: WARM_UP_SECONDS });
      return measureRequests(contestant, seconds, () => applyGrpcLoad({ ...load, seconds }));
    },
  };
}

function tcpCase(shape: Shape): Case {
  return {
    id: shape,
    name: `${SHAPE_NAMES[shape]}, one stream`,
    shape,
    isOfFreshProcess: false,
    measure: async (contestant, _direct, { seconds }) => {
      let beforeNs = 0;
      const drained = await drainStream(contestant.port, seconds, () => {
        beforeNs = cpuNsOf(contestant);
      });
      const usedNs = cpuNsOf(contestant) - beforeNs;
      const mib = drained.bytes / MIB;
      return { cpu_us_per_mib: usedNs / 1_000 / mib, mib_per_second: mib / drained.seconds };
    },
  };
}

async function measureRequests(
  contestant: Contestant,
  seconds: number,
  apply: () => Promise<{ requests: number; failures: number }>,
): Promise<Values> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const beforeNs = cpuNsOf(contestant);
    const { requests, failures } = await apply();
    const usedNs = cpuNsOf(contestant) - beforeNs;
    refuseFailures(contestant, requests, failures);
    if (requests > 0) {
      return {
        cpu_us_per_request: usedNs / requests / 1_000,
        requests_per_second: requests / seconds,
      };
    }
  }
  throw new Error(`${contestant.name}: no request was answered within ${seconds} s`);
}

/** A figure of a run in which requests failed says nothing. */
function refuseFailures({ name }: Contestant, requests: number, failures: number): void {
  if (failures > 0) throw new Error(`${name}: ${failures} of ${requests} requests failed`);
}

function cpuNsOf({ pids }: Contestant): number {
  return pids.reduce((sum, pid) => sum + cpuNs(pid), 0);
}

function openCase(shape: Shape): Case {
  return {
    id: `${shape}-latency`,
    name: `${SHAPE_NAMES[shape]}, ${OPEN_RATE} requests/s, open loop`,
    shape,
    isOfFreshProcess: false,
    measure: async (contestant, direct, { seconds }) => {
      const load = {
        ratePerSecond: OPEN_RATE,
        connections: OPEN_CONNECTIONS,
        seconds: 2 * seconds,
      };
      const run = async ({ name, port, host, pids }: Contestant) => {
        const result = await applyOpenLoad({ ...load, port, host });
        refuseFailures({ name, port, host, pids }, result.requests, result.failures);
        return result;
      };
      const without = await run(direct);
      const through = await run(contestant);
      return {
        added_p50_ms: Math.max(LEAST_ADDED_MS, through.p50Ms - without.p50Ms),
        added_p99_ms: Math.max(LEAST_ADDED_MS, through.p99Ms - without.p99Ms),
      };
    },
  };
}

function freshMemory(shape: Shape): Case {
  return {
    id: `${shape}-memory-idle`,
    name: `${SHAPE_NAMES[shape]}, one proxy fresh and idle`,
    shape,
    isOfFreshProcess: true,
    measure: async (contestant) => {
      await pause(FRESH_MS);
      return memoryOf(contestant);
    },
  };
}

/** Before anything else has made its heap grow: what a sidecar holds that never sees more than this. */
function busyMemory(shape: Shape): Case {
  return {
    id: `${shape}-memory-busy`,
    name: `${SHAPE_NAMES[shape]}, one proxy with ${BUSY_CONNECTIONS} connections busy`,
    shape,
    isOfFreshProcess: true,
    measure: (contestant, _direct, { folder }) => memoryUnderLoad(contestant, BUSY_SECONDS, folder),
  };
}

/** The same after the other cases of the round: 256 connections, large bodies. */
function usedMemory(shape: Shape): Case {
  return {
    id: `${shape}-memory-used`,
    name: `${SHAPE_NAMES[shape]}, the same proxy after 256 connections and POSTs`,
    shape,
    isOfFreshProcess: false,
    measure: (contestant, _direct, { seconds, folder }) =>
      memoryUnderLoad(contestant, seconds, folder),
  };
}

async function memoryUnderLoad(
  contestant: Contestant,
  seconds: number,
  folder: string,
): Promise<Values> {
  const { port, host } = contestant;
  const load = { port, host, connections: BUSY_CONNECTIONS, bodyBytes: 0, folder };
  const loading = applyClosedLoop({ ...load, seconds: seconds + WARM_UP_SECONDS });
  await pause(seconds * 1_000);
  const memory = memoryOf(contestant);
  await loading;
  return memory;
}

/** Of one proxy: the mean of those in a row. */
function memoryOf({ pids }: Contestant): Values {
  const all = pids.map(memoryMib);
  const mean = (of: (each: MemoryMib) => number) =>
    all.reduce((sum, each) => sum + of(each), 0) / all.length;
  return {
    private_mib: mean(({ privateMib }) => privateMib),
    rss_mib: mean(({ rssMib }) => rssMib),
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
