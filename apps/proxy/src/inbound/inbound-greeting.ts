import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { PeerFault } from "../core/peer-trust.ts";
import { MESH_ALPN, MESH_HTTP2_ALPN, MESH_TCP_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import { readClientHello } from "../transport/client-hello.ts";
import { certificateFault } from "../transport/connection.ts";
import { processClock, type Watched } from "../transport/deadline-clock.ts";
import { comparePreface, DETECTION_MS, detectProtocol } from "../transport/detect-protocol.ts";
import { LAST_REQUEST_MS, type Session } from "../transport/socket-listener.ts";
import { InboundSessions } from "./inbound-sessions.ts";
import type { InboundSide } from "./inbound-side.ts";
import { readPeer } from "./peer-certificate.ts";

/** First byte of a TLS record that holds a handshake. */
const TLS_HANDSHAKE = 0x16;
const GREETING_TIMEOUT_MS = 10_000;
/** What sidecars offer; TLS that offers none of them is the app's own. */
const MESH_PROTOCOLS: readonly string[] = [MUX_ALPN, MESH_ALPN, MESH_HTTP2_ALPN, MESH_TCP_ALPN];

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
  /** Of the listener; this one is of them until another takes its place. */
  readonly #all: Set<Session>;
  readonly #next: InboundSessions;
  #kept: Buffer = Buffer.alloc(0);
  #tls: TLSSocket | undefined;
  #isOver = false;
  #isDraining = false;
  readonly #onEnd = () => this.destroy();
  readonly #onBytes = (bytes: Buffer) => this.#onData(bytes);

  constructor(side: InboundSide, socket: Socket, sessions: Set<Session>) {
    this.#side = side;
    this.#socket = socket;
    this.#all = sessions;
    this.#next = new InboundSessions(side, socket, sessions);
    const firstMs = this.#mayServerBegin ? DETECTION_MS : GREETING_TIMEOUT_MS;
    this.deadlineMs = performance.now() + firstMs;
  }

  get #mayServerBegin(): boolean {
    return !this.#next.isHttp && this.#side.mtlsMode !== "STRICT" && !this.#isDraining;
  }

  begin(): void {
    const socket = this.#socket;
    this.#all.add(this);
    processClock.watch(this);
    socket.once("error", (error) => this.#next.debug(error.message));
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

  // ---- Without TLS of the mesh ----

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
    const side = this.#side;
    const next = this.#next;
    const isOfMesh = hello.protocols.some((name) => MESH_PROTOCOLS.includes(name));
    if (side.mtlsMode === "STRICT" || (isOfMesh && side.takesMeshTls)) this.#startTls(isOfMesh);
    else if (!next.isHttp) {
      next.note("tls");
      if (side.isDryRun) side.turnAway(next.address, "no-certificate", false);
      this.#handOn(() => next.startPlainTcp(this.#kept, hello.serverName));
    } else if (side.mtlsMode === "DISABLE") this.#startPlainHttp1();
    else this.#turnAway({ reason: "no-certificate", message: "TLS that offers no mesh protocol" });
  }

  #onPlaintext(): void {
    const kept = this.#kept;
    if (this.#side.mtlsMode === "STRICT") {
      this.#turnAway({ reason: "plaintext", message: "plaintext where STRICT holds" });
    } else if (this.#next.isHttp) {
      if (comparePreface(kept, 0, kept.length) === "none") this.#startPlainHttp1();
      else this.#lookFurther();
    } else if (this.#side.app?.protocol === "auto") this.#lookFurther();
    else this.#startOpenTcp();
  }

  #lookFurther(): void {
    const found = detectProtocol(this.#kept, 0, this.#kept.length);
    if (found === "more") return;
    this.#next.note(found.protocol);
    if (found.protocol === "tcp" || found.protocol === "tls") this.#startOpenTcp();
    else if (found.protocol === "http2") {
      this.#handOn(() => this.#next.startPlainHttp2(this.#kept));
    } else this.#startPlainHttp1();
  }

  #startPlainHttp1(): void {
    this.#handOn(() => this.#next.startPlainHttp1(this.#kept));
  }

  #startOpenTcp(): void {
    const side = this.#side;
    if (side.isDryRun) side.turnAway(this.#next.address, "plaintext", false);
    this.#handOn(() => this.#next.startPlainTcp(this.#kept, undefined));
  }

  /** What comes from now on is somebody else's to read. */
  #handOn(start: () => void): void {
    this.#stopReading();
    start();
    this.#finish();
  }

  #stopReading(): void {
    this.#socket.pause();
    this.#socket.removeListener("data", this.#onBytes);
  }

  // ---- With it ----

  #startTls(isOfMesh: boolean): void {
    this.#stopReading();
    const { serverContext } = this.#side.parts.workload.identity;
    if (serverContext === undefined) {
      this.#refuse("a TLS caller before the first certificate has come");
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
      if (isBare) this.#side.turnAway(this.#next.address, "no-certificate", true);
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
    const problem = this.#next.startMesh(tls, peer);
    if (problem === undefined) this.#finish();
    else this.#refuse(problem);
  }

  // ---- The end ----

  #turnAway({ reason, message }: PeerFault): void {
    this.#side.turnAway(this.#next.address, reason, true);
    this.#refuse(message);
  }

  #refuse(reason: string): void {
    this.#next.debug(reason);
    this.destroy();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    processClock.unwatch(this);
    this.#all.delete(this);
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
    if (this.#tls === undefined && this.#mayServerBegin) {
      this.#handOn(() => this.#next.startPlainTcp(this.#kept, undefined));
    } else this.#refuse("no first byte or no handshake in time");
  }
}
