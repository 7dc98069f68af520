import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { AppPort } from "../core/hosted-workload.ts";
import type { PeerFault } from "../core/peer-trust.ts";
import type { FoundProtocol } from "../core/protocol-memory.ts";
import { MESH_ALPN, MESH_HTTP2_ALPN, MESH_TCP_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import type { ByteStream, ByteStreamHandler } from "../transport/byte-stream.ts";
import { readClientHello } from "../transport/client-hello.ts";
import { Connection, certificateFault } from "../transport/connection.ts";
import { processClock, type Watched } from "../transport/deadline-clock.ts";
import { comparePreface, DETECTION_MS, detectProtocol } from "../transport/detect-protocol.ts";
import { Http1Downstream } from "../transport/http1-downstream.ts";
import { Http2ServerSession } from "../transport/http2-server.ts";
import { MuxServerSession } from "../transport/mux/mux-server.ts";
import type { TcpAnswer } from "../transport/mux/mux-server-stream.ts";
import { LAST_REQUEST_MS, type Session } from "../transport/socket-listener.ts";
import type { InboundCaller } from "./inbound-caller.ts";
import { InboundExchange } from "./inbound-exchange.ts";
import { connectionFacts } from "./inbound-facts.ts";
import type { InboundSide } from "./inbound-side.ts";
import { type MeshPeer, readPeer } from "./peer-certificate.ts";
import { InboundTcp } from "./tcp-connection.ts";

/** First byte of a TLS record that holds a handshake. */
const TLS_HANDSHAKE = 0x16;
const GREETING_TIMEOUT_MS = 10_000;
/** What sidecars offer; TLS that offers none of them is the app's own. */
const MESH_PROTOCOLS: readonly string[] = [MUX_ALPN, MESH_ALPN, MESH_HTTP2_ALPN, MESH_TCP_ALPN];
const NO_BYTES = Buffer.alloc(0);
/** Until the connection's new owner has it, which is at once. */
const UNREAD: ByteStreamHandler = Object.freeze({
  onData() {},
  onEnd() {},
  onDrain() {},
  onClose() {},
});

/**
 * A connection until it is known what it speaks, as Istio's filter chains tell it:
 *
 *   |                           | DISABLE     | PERMISSIVE                  | STRICT      |
 *   | TLS that offers a         | the app's   | shows a certificate of the  | as in       |
 *   | protocol of the mesh      | own         | mesh, or is refused         | PERMISSIVE  |
 *   | other TLS                 | the app's   | the app's own, but closed   | the same,   |
 *   |                           | own         | on a port of HTTP           | any TLS     |
 *   | no TLS                    | served      | served                      | refused     |
 *
 * The app's own TLS passes as it is, and is bad HTTP on a port of HTTP (400). Without TLS the port's protocol
 * decides, and where none is declared the first bytes. Silence means that the server speaks first. Refused
 * connections are closed without a byte of ours.
 *
 *   waiting → handshake (TLS of the mesh) | over (handed on, refused, late)    handshake → over
 */
export class InboundGreeting implements Session, Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #side: InboundSide;
  readonly #socket: Socket;
  readonly #sessions: Set<Session>;
  readonly #address: string;
  readonly #app: AppPort | undefined;
  #kept: Buffer = NO_BYTES;
  /** That the app's own TLS asks for. */
  #serverName: string | undefined;
  #tls: TLSSocket | undefined;
  #isOver = false;
  #isDraining = false;
  readonly #onEnd = () => this.destroy();
  readonly #onBytes = (bytes: Buffer) => this.#onData(bytes);

  constructor(side: InboundSide, socket: Socket, sessions: Set<Session>) {
    this.#side = side;
    this.#socket = socket;
    this.#sessions = sessions;
    this.#address = plainAddress(socket.remoteAddress);
    this.#app = side.app;
    const { mtlsMode } = side;
    const mayServerBegin = !this.#isHttp && mtlsMode !== "STRICT";
    this.deadlineMs = performance.now() + (mayServerBegin ? DETECTION_MS : GREETING_TIMEOUT_MS);
  }

  /** Whether the port is declared to speak HTTP of some version. */
  get #isHttp(): boolean {
    const protocol = this.#app?.protocol;
    return protocol === "http" || protocol === "http2" || protocol === "grpc";
  }

  begin(): void {
    const socket = this.#socket;
    this.#sessions.add(this);
    processClock.watch(this);
    socket.once("error", (error) => this.#debug(error.message));
    socket.once("close", () => this.#finish());
    socket.once("end", this.#onEnd);
    socket.on("data", this.#onBytes);
    socket.resume();
  }

  #onData(bytes: Buffer): void {
    this.#kept = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    if (this.#kept[0] === TLS_HANDSHAKE) this.#onTlsHello();
    else this.#onPlaintext();
  }

  /** What comes from now on is somebody else's to read. */
  #stopReading(): void {
    this.#socket.pause();
    this.#socket.removeListener("data", this.#onBytes);
  }

  #onTlsHello(): void {
    const hello = readClientHello(this.#kept, 0, this.#kept.length);
    if (hello === "more") {
      // The client has begun, so it is no matter of who begins any more.
      this.deadlineMs = Math.max(this.deadlineMs, performance.now() + GREETING_TIMEOUT_MS);
      return;
    }
    if (hello === "not TLS") {
      this.#onPlaintext();
      return;
    }
    const { protocols } = hello;
    const side = this.#side;
    const isOfMesh = protocols.some((name) => MESH_PROTOCOLS.includes(name));
    if (side.mtlsMode === "STRICT" || (isOfMesh && side.takesMeshTls)) this.#startTls(isOfMesh);
    else if (!this.#isHttp) {
      this.#note("tls");
      this.#serverName = hello.serverName;
      if (side.isDryRun) side.turnAway(this.#address, "no-certificate", false);
      this.#startPlainTcp();
    } else if (side.mtlsMode === "DISABLE") this.#startPlainHttp1();
    else this.#turnAway({ reason: "no-certificate", message: "TLS that offers no mesh protocol" });
  }

  #turnAway({ reason, message }: PeerFault): void {
    this.#side.turnAway(this.#address, reason, true);
    this.#refuse(message);
  }

  #onPlaintext(): void {
    const kept = this.#kept;
    if (this.#side.mtlsMode === "STRICT") {
      this.#turnAway({ reason: "plaintext", message: "plaintext where STRICT holds" });
    } else if (this.#isHttp) {
      if (comparePreface(kept, 0, kept.length) === "none") this.#startPlainHttp1();
      else this.#lookFurther();
    } else if (this.#app?.protocol === "auto") this.#lookFurther();
    else this.#startOpenTcp();
  }

  #lookFurther(): void {
    const found = detectProtocol(this.#kept, 0, this.#kept.length);
    if (found === "more") return;
    this.#note(found.protocol);
    if (found.protocol === "tcp" || found.protocol === "tls") this.#startOpenTcp();
    else if (found.protocol === "http2") this.#startPlainHttp2();
    else this.#startPlainHttp1();
  }

  #note(protocol: FoundProtocol): void {
    const { workload, protocols } = this.#side.parts;
    if (this.#app?.protocol !== "auto") return;
    const service = { namespace: workload.id.namespace, name: workload.service };
    protocols?.note(service, this.#app.port, protocol);
  }

  #startPlainHttp1(): void {
    this.#stopReading();
    const downstream = this.#http1(this.#plainCaller());
    const connection = Connection.adopt(this.#socket, downstream);
    downstream.attach(connection);
    connection.start(this.#kept);
  }

  #startPlainHttp2(): void {
    this.#stopReading();
    this.#socket.removeAllListeners();
    this.#socket.unshift(this.#kept);
    this.#startHttp2(this.#socket, this.#plainCaller());
  }

  #startHttp2(socket: Socket, caller: InboundCaller): Session {
    const side = this.#side;
    const session = new Http2ServerSession(socket, {
      limits: side.limits,
      clock: processClock,
      idleMs: side.timeouts.idleMs,
      exchange: () => new InboundExchange(side, caller),
      onGone: (gone) => this.#sessions.delete(gone),
    });
    this.#sessions.add(session);
    this.#finish();
    return session;
  }

  #startOpenTcp(): void {
    const side = this.#side;
    if (side.isDryRun) side.turnAway(this.#address, "plaintext", false);
    this.#startPlainTcp();
  }

  #startPlainTcp(): void {
    this.#stopReading();
    this.#startTcp(Connection.adopt(this.#socket, UNREAD), this.#plainCaller());
  }

  #startTcp(connection: Connection, caller: InboundCaller): void {
    this.#finish();
    this.#serveTcp(connection, caller, caller.peer === undefined ? this.#kept : NO_BYTES);
    connection.start();
  }

  /** `answer`: the caller waits to hear whether its connection is taken. */
  #serveTcp(stream: ByteStream, caller: InboundCaller, kept: Buffer, answer?: TcpAnswer): void {
    const { peer } = caller;
    const { tcp } = this.#side;
    const sessions = this.#sessions;
    const refuse = (reason: string) => {
      this.#debug(reason);
      if (answer === undefined) stream.reset();
      else answer.refuse(reason);
    };
    const app = this.#app;
    if (app === undefined) {
      refuse("the workload has no app port");
      return;
    }
    const series = tcp.series.of(peer, this.#address);
    if (!this.#mayConnect(caller, app.port)) {
      series.countRefused("-", "inbound-proxy");
      refuse("denied by an AuthorizationPolicy");
      return;
    }
    const session = new InboundTcp(tcp, series, app.port, stream, (gone) => sessions.delete(gone), {
      answer,
      onServerFirst: app.protocol === "auto" ? () => this.#note("tcp") : undefined,
    });
    sessions.add(session);
    session.begin(kept, 0, kept.length);
  }

  /** What AuthorizationPolicies say of an opaque connection; a refused one is closed, as Envoy does. */
  #mayConnect(caller: InboundCaller, appPort: number): boolean {
    const { authorization, parts, name } = this.#side;
    const { policy } = parts.workload;
    const problem = policy?.custom?.problem;
    if (problem !== undefined) {
      parts.logger.info({ workload: name, why: problem }, "a TCP connection was not allowed");
      return false;
    }
    const rules = policy?.authorization;
    if (rules === undefined) return true;
    const denial = authorization.checkConnection(rules, connectionFacts(caller, appPort));
    if (denial === undefined) return true;
    const { details, lines } = denial;
    const fields = { workload: name, caller: callerName(caller), details, why: lines };
    parts.logger.info(fields, "a TCP connection was not allowed");
    return false;
  }

  #plainCaller(): InboundCaller {
    return {
      peer: undefined,
      address: this.#address,
      localAddress: plainAddress(this.#socket.localAddress),
      serverName: this.#serverName,
    };
  }

  #meshCaller(tls: TLSSocket, peer: MeshPeer): InboundCaller {
    // Node's types leave it out; `false` where the client has named none.
    const { servername } = tls as TLSSocket & { readonly servername?: string | false | null };
    return { ...this.#plainCaller(), peer, serverName: servername || undefined };
  }

  #http1(caller: InboundCaller): Http1Downstream {
    const sessions = this.#sessions;
    const exchange = new InboundExchange(this.#side, caller);
    const downstream = new Http1Downstream(exchange, (gone) => sessions.delete(gone));
    sessions.add(downstream);
    this.#finish();
    return downstream;
  }

  #startTls(isOfMesh: boolean): void {
    this.#stopReading();
    const { serverContext } = this.#side.parts.workload.identity;
    if (serverContext === undefined) {
      this.#debug("a TLS caller before the first certificate has come");
      this.destroy();
      return;
    }
    // The client has begun: whatever it had before, a handshake has a handshake's time.
    this.deadlineMs = performance.now() + GREETING_TIMEOUT_MS;
    const socket = this.#socket;
    socket.removeListener("end", this.#onEnd);
    socket.unshift(this.#kept);
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: serverContext,
      requestCert: true,
      rejectUnauthorized: true,
      // A caller that offers none of ours is asked for its certificate all the same, and gets no protocol.
      ...(isOfMesh && { ALPNProtocols: [...MESH_PROTOCOLS] }),
    });
    this.#tls = tls;
    const fail = (error: Error & { readonly code?: string }) => {
      if (this.#isOver) return; // one fault comes by both events
      const isBare = error.code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";
      if (isBare) this.#side.turnAway(this.#address, "no-certificate", true);
      this.#refuse(error.message);
    };
    tls.once("_tlsError", fail);
    tls.on("error", fail);
    tls.once("end", this.#onEnd);
    tls.once("secure", () => this.#onSecure(tls, fail));
  }

  #onSecure(tls: TLSSocket, fail: (error: Error) => void): void {
    const { trust } = this.#side.parts.workload.identity;
    const fault = certificateFault(tls);
    const peer =
      fault === undefined
        ? readPeer(tls, trust)
        : trust.explain(tls.getPeerX509Certificate(), fault.code ?? fault.message);
    if ("reason" in peer) {
      this.#turnAway(peer);
      return;
    }
    tls.removeListener("end", this.#onEnd);
    tls.removeListener("error", fail);
    this.#startMesh(tls, peer);
  }

  /** Whenever the peer is not to be believed any more, its connection ends; `session` may finish what it has. */
  #hold(socket: TLSSocket, { known }: MeshPeer, session?: Session): void {
    const release = this.#side.parts.workload.identity.trust.hold({
      peer: known,
      leave: () => session?.drain(),
      cut: () => socket.destroy(),
    });
    if (socket.destroyed) release();
    else socket.once("close", release);
  }

  #startMesh(tls: TLSSocket, peer: MeshPeer): void {
    if (tls.alpnProtocol === MUX_ALPN) {
      this.#startMux(tls, peer);
      return;
    }
    if (tls.alpnProtocol === MESH_HTTP2_ALPN) {
      tls.removeAllListeners();
      // As Node's own TLS server marks a socket that is ready; an HTTP/2 session waits for it.
      Object.assign(tls, { secureConnecting: false });
      this.#hold(tls, peer, this.#startHttp2(tls, this.#meshCaller(tls, peer)));
      return;
    }
    const isDeclaredTcp = !this.#isHttp && this.#app?.protocol !== "auto";
    if (tls.alpnProtocol === MESH_TCP_ALPN || (tls.alpnProtocol === false && isDeclaredTcp)) {
      if (this.#isHttp) this.#refuse(`${peer.labels.principal} sends TCP to a port of HTTP`);
      else {
        this.#hold(tls, peer);
        this.#startTcp(Connection.adoptTls(tls, UNREAD), this.#meshCaller(tls, peer));
      }
      return;
    }
    const downstream = this.#http1(this.#meshCaller(tls, peer));
    this.#hold(tls, peer, downstream);
    const connection = Connection.adoptTls(tls, downstream);
    downstream.attach(connection);
    connection.start();
  }

  #startMux(tls: TLSSocket, peer: MeshPeer): void {
    const side = this.#side;
    const sessions = this.#sessions;
    const caller = this.#meshCaller(tls, peer);
    const session = MuxServerSession.start(tls, {
      exchange: () => new InboundExchange(side, caller),
      onTcp: (stream, answer) => {
        if (this.#isHttp) answer.refuse("the port is declared to speak HTTP");
        else this.#serveTcp(stream, caller, NO_BYTES, answer);
      },
      onGone: (gone) => sessions.delete(gone),
      onFault: (error) => {
        const fields = { workload: side.name, peer: peer.labels.principal, code: error.code };
        side.parts.logger.warn(fields, `a multiplexed connection was closed: ${error.message}`);
      },
    });
    sessions.add(session);
    this.#hold(tls, peer, session);
    this.#finish();
  }

  #refuse(reason: string): void {
    this.#debug(reason);
    this.destroy();
  }

  #debug(reason: string): void {
    const { parts, name } = this.#side;
    parts.logger.debug({ workload: name, address: this.#address, reason }, "a caller was refused");
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    processClock.unwatch(this);
    this.#sessions.delete(this);
  }

  /**
   * A peer to whom the handshake seems done may have sent a request already: it goes on to its own
   * deadline, and what comes of it is drained in its turn. Who has sent nothing gets a moment.
   */
  drain(): void {
    this.#isDraining = true;
    if (this.#tls !== undefined) return;
    this.deadlineMs = Math.min(this.deadlineMs, processClock.nowMs + LAST_REQUEST_MS);
  }

  destroy(): void {
    this.#finish();
    this.#tls?.destroy();
    this.#socket.destroy();
  }

  onDeadline(): void {
    const { mtlsMode } = this.#side;
    const mayServerBegin = !this.#isHttp && mtlsMode !== "STRICT" && !this.#isDraining;
    if (this.#tls === undefined && mayServerBegin) {
      this.#startPlainTcp();
    } else this.#refuse("no first byte or no handshake in time");
  }
}

function callerName({ peer, address }: InboundCaller): string {
  return peer?.labels.principal ?? `plaintext from ${address}`;
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
