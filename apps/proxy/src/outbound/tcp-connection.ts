import { OutBuffer } from "@heddle/http1";
import { admitConnection, describeOverflow } from "@heddle/mesh";
import type { DestinationView, LiveEndpoint, Resolution, ServiceView } from "../core/mesh-view.ts";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { ByteStream, ByteStreamHandler } from "../transport/byte-stream.ts";
import type { Connection } from "../transport/connection.ts";
import { processClock, type Watched } from "../transport/deadline-clock.ts";
import type { Flag } from "../transport/failure.ts";
import { watchServerFirst } from "../transport/server-first.ts";
import type { Session } from "../transport/socket-listener.ts";
import { TcpFlow, type TcpFlowBounds } from "../transport/tcp-flow.ts";
import type { TcpSeriesTable } from "../transport/tcp-series-table.ts";
import { tellClosed, tellOpened } from "../transport/told-connection.ts";
import { parseAuthority } from "./authority.ts";
import { isLoop } from "./loop-guard.ts";
import { chooseTcp } from "./tcp-choice.ts";
import { TcpDial, type TcpDialer } from "./tcp-dial.ts";
import type { OutboundTcpSide } from "./tcp-side.ts";

const MAX_ATTEMPTS = 3;
/** A new choice for each push that comes while we connect, but not without end. */
const MAX_CHOICES = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const NO_BOUNDS: TcpFlowBounds = {};

/** A connection that was made and is not wanted any more. */
const GIVEN_UP: ByteStreamHandler = Object.freeze({
  onData() {},
  onEnd() {},
  onDrain() {},
  onClose() {},
});

/** What an app wants to be connected to. */
export type TcpWish = {
  /** `host[:port]` as the app named it. */
  readonly authority: string;
  /** Server name of its TLS hello; `undefined`: none, or it speaks something else. */
  readonly sni: string | undefined;
  /** Wants to know when the server speaks first. */
  readonly onServerFirst?: (() => void) | undefined;
};

/**
 * An app's opaque connection:
 *
 *   choosing → dialing (endpoint or host found) | over (no route, nobody there, limits)
 *   dialing → open (connected) | dialing (next endpoint, new rules) | over
 *   open → over (both directions ended, idle, cut)      every state → over (the app leaves)
 *
 * Until it is open nothing is read from the app beyond what had come already.
 */
export class OutboundTcp implements Session, ByteStreamHandler, Watched, TcpDialer {
  deadlineMs = Number.POSITIVE_INFINITY;
  watchIndex = -1;
  readonly #side: OutboundTcpSide;
  readonly #wish: TcpWish;
  readonly #downstream: ByteStream;
  readonly #onGone: (gone: OutboundTcp) => void;
  readonly #kept = new OutBuffer(1_024);
  #hasEnded = false;
  #isOver = false;
  #view: ServiceView | undefined;
  #destination: DestinationView | undefined;
  #live: LiveEndpoint | undefined;
  /** Of `#live`, when it was chosen. */
  #poolKey = "";
  #generation = -1;
  #choices = 0;
  #dialedAtMs = 0;
  #attempts: string[] = [];
  readonly #tried: LiveEndpoint[] = [];
  readonly #dial = new TcpDial(this);
  #flow: TcpFlow | undefined;
  /** Takes the connection off the books. */
  #release: (() => void) | undefined;

  constructor(
    side: OutboundTcpSide,
    wish: TcpWish,
    downstream: ByteStream,
    onGone: (gone: OutboundTcp) => void,
  ) {
    this.#side = side;
    this.#wish = wish;
    this.#downstream = downstream;
    this.#onGone = onGone;
  }

  /** Starts; `bytes[start, end)` have been read already. */
  begin(bytes: Buffer, start: number, end: number): void {
    this.#downstream.handler = this;
    this.#downstream.pause();
    this.#kept.copy(bytes, start, end);
    processClock.watch(this);
    this.#choose();
  }

  // ---- Where to ----

  #choose(): void {
    const { view } = this.#side.parts;
    this.#choices++;
    this.#view = undefined;
    this.#destination = undefined;
    this.#live = undefined;
    this.#generation = view.generation;
    const { authority } = this.#wish;
    const resolution = view.resolve(authority);
    if (resolution === "unknown") void this.#chooseLater(authority);
    else this.#proceed(resolution);
  }

  async #chooseLater(authority: string): Promise<void> {
    const { view } = this.#side.parts;
    const resolution = await view.whenResolved(authority);
    if (this.#isOver) return;
    this.#generation = view.generation;
    this.#proceed(resolution);
  }

  #proceed(resolution: Resolution): void {
    if (resolution === "unknown") {
      this.#fail("NR", "outbound-proxy", "the control plane has not said what this name means");
    } else if (resolution === "none") this.#goOutside();
    else this.#goTo(resolution);
  }

  #goTo(view: ServiceView): void {
    this.#view = view;
    const { workload } = this.#side.parts;
    const { authority, sni } = this.#wish;
    const choice = chooseTcp(view, {
      sni,
      destinationAddress: parseAuthority(authority, 0)?.host,
      port: view.port?.number ?? parseAuthority(authority, 0)?.port,
      source: { namespace: workload.id.namespace, labels: workload.labels },
    });
    if ("flag" in choice) {
      this.#fail(choice.flag, "outbound-proxy", choice.reason);
      return;
    }
    const { destination } = choice;
    this.#destination = destination;
    const { limits, usage } = destination;
    const admitted = limits === undefined ? "admitted" : admitConnection(limits, usage);
    if (admitted !== "admitted") {
      this.#fail("UO", "outbound-proxy", describeOverflow(admitted));
      return;
    }
    this.#attempt(destination);
  }

  #attempt(destination: DestinationView): void {
    const live = this.#pick(destination);
    if (live === undefined) {
      const why = this.#attempts.length === 0 ? "no workload serves it" : "every endpoint is gone";
      this.#fail("UH", "outbound-proxy", why);
      return;
    }
    this.#live = live;
    this.#poolKey = live.poolKey;
    const { usage } = destination;
    live.activeRequests++;
    usage.connections++;
    this.#release = () => {
      live.activeRequests--;
      usage.connections--;
      this.#release = undefined;
    };
    const { pools } = this.#side;
    this.#boundAttempt();
    const mux = pools.muxOf(live, destination);
    if (mux !== undefined) {
      this.#dial.ask(mux, () => {
        this.#boundAttempt();
        return pools.targets.ofTcp(live, destination);
      });
      return;
    }
    const target = pools.targets.ofTcp(live, destination);
    if (typeof target === "string") this.onFault(target);
    else this.#dial.dial(target);
  }

  #pick(destination: DestinationView): LiveEndpoint | undefined {
    if (destination.isOriginal) {
      const asked = parseAuthority(this.#wish.authority, destination.port ?? 0);
      return asked && destination.endpointAt(asked.host, asked.port);
    }
    const retry =
      this.#tried.length === 0 ? undefined : { avoid: this.#tried, leavesLocality: true };
    return destination.pick(Math.random(), Math.random(), Date.now(), undefined, retry);
  }

  #goOutside(): void {
    const { authority } = this.#wish;
    const outside = parseAuthority(authority, 0);
    if (outside === undefined) {
      this.#fail("NR", "", `"${authority}" names no port to connect to`);
    } else if (this.#side.parts.view.outboundTrafficPolicy === "REGISTRY_ONLY") {
      const why = "no service of the mesh has this host, and the policy is REGISTRY_ONLY";
      this.#fail("NR", "outbound-proxy", why);
    } else {
      this.#boundAttempt();
      this.#dial.dial(outside);
    }
  }

  // ---- The connection ----

  #boundAttempt(): void {
    const { connectTimeoutMs } = this.#destination?.policy.connectionPool ?? {};
    this.#dialedAtMs = performance.now();
    this.deadlineMs = this.#dialedAtMs + (connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
  }

  refuse(connection: Connection): string | undefined {
    const isOutside = this.#destination === undefined;
    return isOutside && isLoop(connection, this.#side.parts.ownPorts)
      ? `${this.#wish.authority} is this proxy itself; name a service`
      : undefined;
  }

  onRefused(reason: string): void {
    this.#fail("UF", "outbound-proxy", reason);
  }

  onConnected(stream: ByteStream): void {
    if (this.#isCurrent || this.#choices >= MAX_CHOICES) {
      this.#open(stream);
      return;
    }
    // The control plane was told that what is sent from now on follows the new rules: choose again.
    stream.handler = GIVEN_UP;
    stream.destroy();
    this.#dropDialing();
    this.#choose();
  }

  /** A push that leaves service, endpoint and way alone changes nothing. */
  get #isCurrent(): boolean {
    const { view } = this.#side.parts;
    if (this.#generation === view.generation) return true;
    const live = this.#live;
    if (live === undefined || live.poolKey !== this.#poolKey) return false;
    if (this.#destination?.endpoints.includes(live) !== true) return false;
    return view.resolve(this.#wish.authority) === this.#view;
  }

  #open(stream: ByteStream): void {
    processClock.unwatch(this);
    const live = this.#live;
    if (live !== undefined) live.workload.lastSendAtMs = Date.now();
    if (live !== undefined && this.#destination?.learns === true) {
      this.#learn(this.#destination, live, true);
    }
    const openedAtMs = performance.now();
    const series = this.#series();
    const way = {
      authority: this.#wish.authority,
      endpoint: live && `${live.endpoint.address}:${live.port}`,
    };
    tellOpened(series, way);
    const flow = new TcpFlow({
      recorder: this.#side.parts.recorder,
      series: series.seriesOf("-", ""),
      clock: processClock,
      downstream: this.#downstream,
      upstream: stream,
      bounds: this.#destination?.policy.connectionPool ?? NO_BOUNDS,
      onEnd: () => {
        tellClosed(series, way, openedAtMs, flow);
        this.#end();
      },
    });
    this.#flow = flow;
    flow.sendUp(this.#kept);
    if (this.#hasEnded) stream.end();
    const { onServerFirst } = this.#wish;
    if (onServerFirst !== undefined) watchServerFirst(stream, flow, onServerFirst);
  }

  #dropDialing(): void {
    this.#dial.cancel();
    this.#release?.();
  }

  /** Nothing was sent yet, so any other endpoint will do. */
  onFault(reason: string): void {
    const live = this.#live;
    const destination = this.#destination;
    const to = live === undefined ? this.#wish.authority : `${live.endpoint.address}:${live.port}`;
    this.#attempts.push(`${to}: ${reason}`);
    this.#dropDialing();
    if (live !== undefined) this.#tried.push(live);
    if (live !== undefined && destination?.learns === true) this.#learn(destination, live, false);
    const mayGoOn = destination !== undefined && this.#attempts.length < MAX_ATTEMPTS;
    if (!mayGoOn || destination.endpoints.length < 2) {
      const why = this.#attempts.join("; ");
      this.#fail("UF", "network", why);
    } else if (this.#generation !== this.#side.parts.view.generation) this.#choose();
    else this.#attempt(destination);
  }

  /** A connection that opens is all that can be known of an endpoint here. */
  #learn(destination: DestinationView, live: LiveEndpoint, isGood: boolean): void {
    const latencyMs = performance.now() - this.#dialedAtMs;
    const { id } = this.#side.parts.workload;
    destination.onOutcome(live, isGood ? 200 : "connect-failure", latencyMs, 0, id);
  }

  onDeadline(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#dial.isUnderWay) this.onFault("the connection was not ready in time");
  }

  // ---- The app, until the connection is open ----

  onData(bytes: Buffer, start: number, end: number): void {
    this.#kept.copy(bytes, start, end);
  }

  onEnd(): void {
    this.#hasEnded = true;
  }

  onDrain(): void {}

  onClose(): void {
    if (this.#isOver) return;
    this.#series().countRefused("DC", "", this.#wish.authority);
    this.#dropDialing();
    this.#end();
  }

  // ---- The end ----

  #fail(flag: Flag, failedBy: FailedBy, reason: string): void {
    const { logger } = this.#side.parts;
    const { authority } = this.#wish;
    const source = this.#side.source;
    logger.debug({ workload: source, to: authority, flag, reason }, "a TCP connection was refused");
    this.#series().countRefused(flag, failedBy, authority);
    this.#dropDialing();
    this.#end();
    this.#downstream.reset();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    processClock.unwatch(this);
    this.#release?.();
    this.#onGone(this);
  }

  #series(): TcpSeriesTable {
    const destination = this.#destination;
    if (destination?.isOriginal === false && this.#live !== undefined) {
      return this.#side.series.ofEndpoint(this.#live, destination.fqdn);
    }
    const view = this.#view;
    const host = view?.fqdn ?? this.#wish.authority;
    return this.#side.series.ofHost(host, view?.service);
  }

  /** An opaque connection has no good moment to end: it may go on until the drain's own deadline. */
  drain(): void {}

  destroy(): void {
    if (this.#flow !== undefined) this.#flow.destroy();
    else this.#downstream.destroy();
  }
}
