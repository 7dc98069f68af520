import http from "node:http";
import net from "node:net";
import type { TestContext } from "node:test";
import type { ProxyResource, TurnedAwayReason } from "@heddle/contracts";
import type { Http1Limits } from "@heddle/http1";
import { type MtlsMode, type ServiceId, serviceOfHost } from "@heddle/mesh";
import { createLogger } from "@heddle/runtime";
import { TestAuthority } from "@heddle/testkit";
import type { AppPort, HostedWorkload } from "../src/core/hosted-workload.ts";
import { LiveMesh } from "../src/core/live-mesh.ts";
import type {
  Caller,
  MeshView,
  OutboundTrafficPolicy,
  PathNormalization,
  Resolution,
} from "../src/core/mesh-view.ts";
import { readHost } from "../src/core/named-host.ts";
import type { ProtocolMemory } from "../src/core/protocol-memory.ts";
import type {
  SeriesLabels,
  SpanRecord,
  TcpSeriesLabels,
  TrafficRecorder,
  WorkloadSignals,
} from "../src/core/traffic-recorder.ts";
import type { TurnedAway } from "../src/core/turned-away.ts";
import { HeldIdentity } from "../src/identity/held-identity.ts";
import { startInbound } from "../src/inbound/index.ts";
import { startOutbound } from "../src/outbound/index.ts";
import type { ExchangeTimeouts } from "../src/transport/exchange-timeouts.ts";
import { isGrpcFailure } from "../src/transport/grpc-answer.ts";

const silent = createLogger("test", "silent");
const DEADLINE_MS = 5_000;

export type Recorded = {
  readonly labels: SeriesLabels;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
};

/** What an opaque connection has left so far, summed over its series. */
export type RecordedTcp = {
  readonly labels: TcpSeriesLabels;
  opened: number;
  closed: number;
  sentBytes: number;
  receivedBytes: number;
};

/** Keeps everything it is told. */
export class MemoryRecorder implements TrafficRecorder {
  readonly records: Recorded[] = [];
  readonly spans: SpanRecord[] = [];
  readonly refusals: { workload: string; address: string; reason: TurnedAwayReason }[] = [];
  readonly wouldRefuse: { workload: string; address: string; reason: TurnedAwayReason }[] = [];
  readonly tcp: RecordedTcp[] = [];
  /** By name and labels. */
  readonly events = new Map<string, number>();
  samples = false;
  readonly seriesEpoch = 0;
  readonly #series: SeriesLabels[] = [];
  #waiting: (() => void)[] = [];

  series(labels: SeriesLabels): number {
    return this.#series.push(labels) - 1;
  }

  record(series: number, durationMs: number, requestBytes: number, responseBytes: number): void {
    const labels = this.#series[series];
    if (labels === undefined) throw new Error(`series ${series} was never made`);
    this.records.push({ labels, durationMs, requestBytes, responseBytes });
    this.#wake();
  }

  tcpSeries(labels: TcpSeriesLabels): number {
    return this.tcp.push({ labels, opened: 0, closed: 0, sentBytes: 0, receivedBytes: 0 }) - 1;
  }

  tcpOpened(series: number): void {
    this.#tcp(series).opened++;
    this.#wake();
  }

  tcpBytes(series: number, sentBytes: number, receivedBytes: number): void {
    const tcp = this.#tcp(series);
    tcp.sentBytes += sentBytes;
    tcp.receivedBytes += receivedBytes;
    this.#wake();
  }

  tcpClosed(series: number): void {
    this.#tcp(series).closed++;
    this.#wake();
  }

  #tcp(series: number): RecordedTcp {
    const tcp = this.tcp[series];
    if (tcp === undefined) throw new Error(`TCP series ${series} was never made`);
    return tcp;
  }

  counter(name: string, labels: Readonly<Record<string, string>>): { add(count: number): void } {
    const key = `${name} ${JSON.stringify(labels)}`;
    return {
      add: (count) => {
        this.events.set(key, (this.events.get(key) ?? 0) + count);
        this.#wake();
      },
    };
  }

  turnedAway(
    workload: { name: string },
    address: string,
    reason: TurnedAwayReason,
    isRefused: boolean,
  ): void {
    const list = isRefused ? this.refusals : this.wouldRefuse;
    list.push({ workload: workload.name, address, reason });
    this.#wake();
  }

  signalsOf(): WorkloadSignals {
    return {
      isSampled: () => this.samples,
      wanted: (isSampled, status, grpcStatus) =>
        isSampled || status === 0 || status >= 500 || isGrpcFailure(grpcStatus) ? 1 : 0,
      leave: (_wanted, exchange) => {
        this.spans.push(exchange);
        this.#wake();
      },
      hearsConnections: false,
      leaveConnection: () => {},
    };
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first opaque connection's counts that `wanted` accepts, now or within the deadline. */
  async findTcp(wanted: (record: RecordedTcp) => boolean): Promise<RecordedTcp> {
    return this.#find(this.tcp, wanted, ({ labels, ...counts }) =>
      JSON.stringify([labels.reporter, labels.responseFlags, counts]),
    );
  }

  /** The first record that `wanted` accepts, now or within the deadline. */
  async find(wanted: (record: Recorded) => boolean): Promise<Recorded> {
    return this.#find(
      this.records,
      wanted,
      ({ labels }) => `${labels.reporter} ${labels.responseCode} ${labels.responseFlags}`,
    );
  }

  async #find<T>(
    list: readonly T[],
    wanted: (one: T) => boolean,
    show: (one: T) => string,
  ): Promise<T> {
    const endMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const found = list.find(wanted);
      if (found !== undefined) return found;
      if (performance.now() > endMs) {
        throw new Error(`no such record; seen: ${list.map(show).join("; ")}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 100).unref();
      });
    }
  }
}

/** A mesh as a test writes it down; hosts resolve at once. */
export class TestMesh implements MeshView {
  outboundTrafficPolicy: OutboundTrafficPolicy = "ALLOW_ANY";
  generation = 0;
  readonly live: LiveMesh;

  constructor(live = new LiveMesh(() => 0)) {
    this.live = live;
  }

  pathNormalization: PathNormalization = "BASE";
  caller: Caller = { namespace: "shop", labels: { app: "front" } };
  /** Hosts beside the forms of a service's name, as ServiceEntries have them. */
  readonly hosts = new Map<string, ServiceId>();

  resolve(host: string): Resolution {
    const { name, port } = readHost(host);
    const id = this.hosts.get(name) ?? serviceOfHost(host, this.caller.namespace);
    return (id && this.live.service(id, this.caller, port)) ?? "none";
  }

  async whenResolved(host: string): Promise<Resolution> {
    return this.resolve(host);
  }

  apply(...resources: ProxyResource[]): void {
    this.live.apply(resources, [], Date.now());
    this.generation++;
  }
}

type Wire<Kind extends ProxyResource["kind"]> = Extract<ProxyResource, { kind: Kind }>;

/** A service with one route to all of its endpoints, or with the routes and subsets given. */
export function service(name: string, rest: Partial<Wire<"service">> = {}): ProxyResource {
  const id = { namespace: "shop", name };
  return {
    kind: "service",
    key: `service/shop/${name}`,
    version: "1",
    service: id,
    routes: [{ name: "default", matches: [], destinations: [{ service: id, weight: 1 }] }],
    subsets: [],
    revision: 0,
    ...rest,
  };
}

export type TestEndpoint = {
  readonly port: number;
  readonly workload?: string;
  readonly version?: string;
  readonly identity?: string;
  readonly address?: string;
  readonly ports?: Readonly<Record<string, number>>;
  readonly locality?: string;
  readonly weight?: number;
  readonly servesSinceMs?: number;
  readonly plaintextPorts?: number[];
};

export function endpoints(name: string, list: readonly TestEndpoint[]): ProxyResource {
  return {
    kind: "endpoints",
    key: `endpoints/shop/${name}`,
    version: "1",
    service: { namespace: "shop", name },
    endpoints: list.map((each, index) => ({
      id: `${name}-${index}`,
      namespace: "shop",
      workload: each.workload ?? name,
      labels: { app: name, ...(each.version !== undefined && { version: each.version }) },
      address: each.address ?? "127.0.0.1",
      port: each.port,
      ...(each.identity !== undefined && { identity: each.identity }),
      ...(each.locality !== undefined && { locality: each.locality }),
      ...(each.weight !== undefined && { weight: each.weight }),
      ...(each.servesSinceMs !== undefined && { servesSinceMs: each.servesSinceMs }),
      ...(each.ports !== undefined && { ports: each.ports }),
      ...(each.plaintextPorts !== undefined && { plaintextPorts: each.plaintextPorts }),
    })),
  };
}

export type TestWorkload = HostedWorkload & { mtlsMode: MtlsMode; identity: HeldIdentity };

let sharedAuthority: Promise<TestAuthority> | undefined;

export function authority(): Promise<TestAuthority> {
  sharedAuthority ??= TestAuthority.create();
  return sharedAuthority;
}

/** A hosted workload of the namespace `shop` with a certificate of `by` (default: the shared authority). */
export async function hosted(
  name: string,
  rest: { appPort?: number; version?: string; by?: TestAuthority; noCertificate?: boolean } = {},
): Promise<TestWorkload> {
  const identity = new HeldIdentity();
  const by = rest.by ?? (await authority());
  const workload = rest.version === undefined ? name : `${name}-${rest.version}`;
  if (rest.noCertificate !== true) {
    const names = { namespace: "shop", workload, service: name };
    const certificate = await by.issueWorkload({
      ...names,
      ...(rest.version !== undefined && { version: rest.version }),
    });
    identity.install({ ...certificate, trustBundlePem: by.trustBundlePem });
  }
  return {
    id: { namespace: "shop", name: workload },
    service: name,
    version: rest.version,
    labels: { app: name },
    bindAddress: "127.0.0.1",
    appPort: rest.appPort,
    outbounds: [],
    mtlsMode: "PERMISSIVE",
    identity,
  };
}

export async function inbound(
  t: TestContext,
  workload: HostedWorkload,
  recorder: TrafficRecorder,
  timeouts?: ExchangeTimeouts,
  rest: { app?: AppPort; protocols?: ProtocolMemory; turnedAway?: TurnedAway } = {},
): Promise<{ port: number; drain(timeoutMs: number): Promise<void> }> {
  const listener = await startInbound({
    ...rest,
    workload,
    port: 0,
    recorder,
    logger: silent,
    ...(timeouts && { timeouts }),
  });
  t.after(() => listener.drain(0));
  return listener;
}

export async function outbound(
  t: TestContext,
  workload: HostedWorkload,
  view: MeshView,
  recorder: TrafficRecorder,
  rest: {
    host?: string;
    timeouts?: ExchangeTimeouts;
    ownPorts?: Set<number>;
    limits?: Http1Limits;
    protocols?: ProtocolMemory;
    muxConnections?: number;
  } = {},
): Promise<{ port: number; drain(timeoutMs: number): Promise<void> }> {
  const ownPorts = rest.ownPorts ?? new Set<number>();
  const listener = await startOutbound({
    workload,
    port: 0,
    recorder,
    logger: silent,
    view,
    host: rest.host,
    ownPorts,
    ...(rest.protocols && { protocols: rest.protocols }),
    ...(rest.muxConnections !== undefined && { muxConnections: rest.muxConnections }),
    ...(rest.timeouts && { timeouts: rest.timeouts }),
    ...(rest.limits && { limits: rest.limits }),
  });
  ownPorts.add(listener.port);
  t.after(() => listener.drain(0));
  return listener;
}

/** A real HTTP server of Node's as the app. */
export async function app(
  t: TestContext,
  handler: http.RequestListener,
  port = 0,
): Promise<{ port: number; server: http.Server; stop(): Promise<void> }> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.after(stop);
  return { port: (server.address() as net.AddressInfo).port, server, stop };
}

/** A TCP server that does what `onConnection` says, byte by byte. */
export async function rawApp(
  t: TestContext,
  onConnection: (socket: net.Socket) => void,
): Promise<{ port: number; sockets: Set<net.Socket>; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as net.AddressInfo;
  return { port, sockets, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A client that writes bytes and reads them back as text. */
export class RawClient {
  readonly socket: net.Socket;
  received = "";
  isClosed = false;
  #wake: (() => void)[] = [];

  constructor(t: TestContext, port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1" });
    this.socket.on("data", (bytes) => {
      this.received += (bytes as Buffer).toString("latin1");
      this.#wakeAll();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isClosed = true;
      this.#wakeAll();
    });
    t.after(() => this.socket.destroy());
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits until what was received matches; the match. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    const endMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const match = pattern.exec(this.received);
      if (match !== null) return match;
      if (this.isClosed || performance.now() > endMs) {
        throw new Error(
          `${pattern} was not received (${this.isClosed ? "closed" : "late"}): ${this.received.slice(0, 2_000)}`,
        );
      }
      await this.#next();
    }
  }

  async closed(): Promise<string> {
    const endMs = performance.now() + DEADLINE_MS;
    while (!this.isClosed) {
      if (performance.now() > endMs) throw new Error(`not closed: ${this.received.slice(0, 500)}`);
      await this.#next();
    }
    return this.received;
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
      setTimeout(resolve, 50).unref();
    });
  }
}

export type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
};

/** One request by Node's own client to a proxy port. */
export function send(
  port: number,
  options: Omit<http.RequestOptions, "headers" | "host"> & {
    headers?: Record<string, string>;
    body?: Buffer | string;
    host?: string;
  },
): Promise<Answer> {
  const { body, host, headers, ...rest } = options;
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        port,
        hostname: "127.0.0.1",
        ...rest,
        headers: { ...(host === undefined ? {} : { host }), ...headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts),
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
