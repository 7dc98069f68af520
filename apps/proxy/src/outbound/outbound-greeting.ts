import type { Resolution, ServiceView } from "../core/mesh-view.ts";
import type { FoundProtocol } from "../core/protocol-memory.ts";
import type { ByteStream, ByteStreamHandler } from "../transport/byte-stream.ts";
import { Connection } from "../transport/connection.ts";
import { processClock, type Watched } from "../transport/deadline-clock.ts";
import {
  comparePreface,
  DETECTION_MS,
  type Detected,
  detectProtocol,
} from "../transport/detect-protocol.ts";
import { Http1Downstream } from "../transport/http1-downstream.ts";
import { Http2ServerSession } from "../transport/http2-server.ts";
import { LAST_REQUEST_MS, type Session } from "../transport/socket-listener.ts";
import { OutboundExchange } from "./outbound-exchange.ts";
import type { OutboundSide } from "./outbound-side.ts";
import { OutboundTcp } from "./tcp-connection.ts";

const HTTPS_PORT = 443;
const TLS_HANDSHAKE = 0x16;
const NO_BYTES = Buffer.alloc(0);

/** How the first bytes of a connection are looked at. */
type Reading =
  /** HTTP/1 unless they begin HTTP/2 or TLS: what the main port takes, and a port declared HTTP. */
  | "http"
  /** A TLS hello for its server name; anything else is opaque. */
  | "tls"
  /** For whatever they show; without any, the server speaks first. */
  | "any";

/**
 * A connection of the app until it is known what it speaks. On the main port that is HTTP, or TLS whose
 * hello names the host. On a local port of its own, or within a CONNECT, the protocol declared for the
 * destination's port decides; where none is declared the first bytes do, and what they show is remembered.
 *
 *   waiting for the name → reading | over (handed on)     reading → over (handed on, client gone)
 */
export class OutboundGreeting implements ByteStreamHandler, Session, Watched {
  deadlineMs = Number.POSITIVE_INFINITY;
  watchIndex = -1;
  readonly #side: OutboundSide;
  readonly #stream: ByteStream;
  readonly #sessions: Set<Session>;
  readonly #fixedHost: string | undefined;
  #reading: Reading = "http";
  #view: ServiceView | undefined;
  #kept: Buffer = NO_BYTES;
  #isOver = false;
  #isDraining = false;

  constructor(
    side: OutboundSide,
    stream: ByteStream,
    sessions: Set<Session>,
    fixedHost: string | undefined,
  ) {
    this.#side = side;
    this.#stream = stream;
    this.#sessions = sessions;
    this.#fixedHost = fixedHost;
  }

  /** Starts on a stream that is not read yet, or is paused; `first` has been read already. */
  begin(first: Buffer | undefined): void {
    this.#stream.handler = this;
    this.#sessions.add(this);
    if (first !== undefined) this.#kept = Buffer.from(first);
    const host = this.#fixedHost;
    if (host === undefined) {
      this.#watch(this.#side.timeouts.idleMs);
      this.#read("http");
      return;
    }
    const resolution = this.#side.parts.view.resolve(host);
    if (resolution === "unknown") {
      this.#stream.pause();
      void this.#resolveLater(host);
    } else this.#chooseReading(resolution);
  }

  async #resolveLater(host: string): Promise<void> {
    const resolution = await this.#side.parts.view.whenResolved(host);
    if (!this.#isOver) this.#chooseReading(resolution);
  }

  #chooseReading(resolution: Resolution): void {
    const view = typeof resolution === "string" ? undefined : resolution;
    this.#view = view;
    const declared = view?.port?.protocol ?? "auto";
    const protocol = declared === "auto" ? (this.#remembered() ?? "auto") : declared;
    if (protocol === "tcp") this.#toTcp(undefined);
    else if (protocol === "tls" && view?.tlsRoutes.length === 0) this.#toTcp(undefined);
    else if (protocol === "tls") this.#readFor("tls", DETECTION_MS);
    else if (protocol === "auto") this.#readFor("any", DETECTION_MS);
    else this.#readFor("http", this.#side.timeouts.idleMs);
  }

  #remembered(): FoundProtocol | undefined {
    const port = this.#port;
    const { protocols } = this.#side.parts;
    if (this.#view === undefined || port === undefined) return undefined;
    return protocols?.find(this.#view.service, port);
  }

  /** The destination's port as it was declared or asked for. */
  get #port(): number | undefined {
    const declared = this.#view?.port?.number;
    if (declared !== undefined) return declared;
    const asked = /:(\d{1,5})$/.exec(this.#fixedHost ?? "")?.[1];
    return asked === undefined ? undefined : Number(asked);
  }

  #readFor(reading: Reading, patienceMs: number): void {
    this.#watch(patienceMs);
    this.#read(reading);
  }

  #watch(patienceMs: number): void {
    this.deadlineMs = performance.now() + patienceMs;
    processClock.watch(this);
  }

  #read(reading: Reading): void {
    this.#reading = reading;
    if (this.#kept.length > 0) this.#look(this.#kept, 0, this.#kept.length);
    if (!this.#isOver) this.#stream.resume();
  }

  // ---- The first bytes ----

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#kept.length === 0) this.#look(bytes, start, end);
    else {
      this.#kept = Buffer.concat([this.#kept, bytes.subarray(start, end)]);
      this.#look(this.#kept, 0, this.#kept.length);
    }
  }

  #look(bytes: Buffer, start: number, end: number): void {
    const found = this.#find(bytes, start, end);
    if (found !== "more") this.#handOn(found, bytes, start, end);
    else if (this.#kept.length === 0) {
      this.#kept = Buffer.from(bytes.subarray(start, end));
      // It has begun, so it has the time of a head to get on.
      if (this.#reading === "http")
        this.deadlineMs = performance.now() + this.#side.timeouts.headMs;
    }
  }

  /** Where HTTP is declared, all that is open is its version, and a byte or two tell. */
  #find(bytes: Buffer, start: number, end: number): Detected | "more" {
    if (this.#reading !== "http" || bytes[start] === TLS_HANDSHAKE) {
      const found = detectProtocol(bytes, start, end);
      // What is no HTTP gets HTTP's own refusal.
      const isWrong = this.#reading === "http" && found !== "more" && found.protocol === "tcp";
      return isWrong ? { protocol: "http" } : found;
    }
    const preface = comparePreface(bytes, start, end);
    if (preface === "part") return "more";
    return { protocol: preface === "whole" ? "http2" : "http" };
  }

  #handOn(found: Detected, bytes: Buffer, start: number, end: number): void {
    if (this.#reading === "any") this.#note(found.protocol);
    if (found.protocol === "tls") this.#toTcp(found.hello.serverName, bytes, start, end);
    else if (this.#reading === "tls" || found.protocol === "tcp") {
      this.#toTcp(undefined, bytes, start, end);
    } else if (found.protocol === "http2") this.#toHttp2(bytes, start, end);
    else this.#toHttp1(bytes, start, end);
  }

  #note(protocol: FoundProtocol): void {
    const port = this.#port;
    if (this.#view === undefined || port === undefined) return;
    this.#side.parts.protocols?.note(this.#view.service, port, protocol);
  }

  #toHttp1(bytes: Buffer, start: number, end: number): void {
    this.#leave();
    const exchange = new OutboundExchange(this.#side, this.#fixedHost);
    const downstream = new Http1Downstream(
      exchange,
      (gone) => this.#sessions.delete(gone),
      ({ stream, rest }, authority) => {
        // A tunnel to a service of the mesh: what comes through it is read as on a local port for it.
        new OutboundGreeting(this.#side, stream, this.#sessions, authority).begin(rest);
      },
    );
    this.#sessions.add(downstream);
    this.#stream.handler = downstream;
    downstream.attach(this.#stream);
    downstream.onData(bytes, start, end);
  }

  #toHttp2(bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (!(stream instanceof Connection)) {
      this.#refuse("HTTP/2 within another multiplexed connection");
      return;
    }
    this.#leave();
    const { limits, timeouts } = this.#side;
    const socket = stream.release(Buffer.from(bytes.subarray(start, end)));
    const session = new Http2ServerSession(socket, {
      limits,
      clock: processClock,
      idleMs: timeouts.idleMs,
      exchange: () => new OutboundExchange(this.#side, this.#fixedHost),
      onGone: (gone) => this.#sessions.delete(gone),
    });
    this.#sessions.add(session);
  }

  #toTcp(sni: string | undefined, bytes = this.#kept, start = 0, end = bytes.length): void {
    const authority = this.#fixedHost ?? (sni === undefined ? "" : `${sni}:${HTTPS_PORT}`);
    if (authority === "") {
      this.#refuse("a TLS hello on the main port names no server");
      return;
    }
    this.#leave();
    const isSilent = this.#reading === "any" && start === end;
    const onServerFirst = isSilent ? () => this.#note("tcp") : undefined;
    const wish = { authority, sni, onServerFirst };
    const tcp = new OutboundTcp(this.#side.tcp, wish, this.#stream, (gone) =>
      this.#sessions.delete(gone),
    );
    this.#sessions.add(tcp);
    tcp.begin(bytes, start, end);
  }

  #refuse(reason: string): void {
    const { logger } = this.#side.parts;
    logger.debug({ workload: this.#side.source, flag: "NR", reason }, "a connection was refused");
    this.#side.tcp.series.ofHost("unknown", undefined).countRefused("NR", "outbound-proxy");
    this.destroy();
  }

  #leave(): void {
    this.#isOver = true;
    processClock.unwatch(this);
    this.#sessions.delete(this);
  }

  // ---- Nothing comes ----

  /** Without a byte from the client the server is the one to begin. */
  onDeadline(): void {
    if (this.#reading === "http" || this.#isDraining) {
      this.destroy();
      return;
    }
    this.#toTcp(undefined);
  }

  onEnd(): void {
    if (this.#reading === "http") this.destroy();
    else this.#toTcp(undefined);
  }

  onDrain(): void {}

  onClose(): void {
    if (!this.#isOver) this.#leave();
  }

  /** A first request may be on its way. */
  drain(): void {
    this.#isDraining = true;
    this.#watch(LAST_REQUEST_MS);
  }

  destroy(): void {
    this.#stream.destroy();
  }
}
