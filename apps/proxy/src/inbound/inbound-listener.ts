import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Listener, StartInbound } from "../core/listener.ts";
import { MESH_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import { Connection, certificateFault } from "../transport/connection.ts";
import { processClock, type Watched } from "../transport/deadline-clock.ts";
import { Http1Downstream } from "../transport/http1-downstream.ts";
import { MuxServerSession } from "../transport/mux/mux-server.ts";
import { type Session, SocketListener } from "../transport/socket-listener.ts";
import { InboundExchange } from "./inbound-exchange.ts";
import { type InboundParts, InboundSide } from "./inbound-side.ts";
import { type MeshPeer, readPeer } from "./peer-certificate.ts";

/** First byte of a TLS record that holds a handshake. */
const TLS_HANDSHAKE = 0x16;
const GREETING_TIMEOUT_MS = 10_000;

/** Listens for the callers of a workload that has an app. */
export async function startInbound(
  parts: Parameters<StartInbound>[0] & Pick<InboundParts, "timeouts">,
): Promise<Listener> {
  const side = new InboundSide(parts);
  const { bindAddress } = parts.workload;
  const listener = await SocketListener.listen(bindAddress, parts.port, (socket, sessions) =>
    new Greeting(side, socket, sessions).begin(),
  );
  return {
    port: listener.port,
    drain: async (timeoutMs) => {
      await listener.drain(timeoutMs);
      side.pool?.close();
    },
  };
}

/**
 * A connection until it is known what it speaks: the first byte tells TLS from plaintext; TLS then
 * has to show a certificate of this mesh. Refused connections are closed without a byte of ours.
 */
class Greeting implements Session, Watched {
  deadlineMs: number;
  watchIndex = -1;
  readonly #side: InboundSide;
  readonly #socket: Socket;
  readonly #sessions: Set<Session>;
  readonly #address: string;
  #tls: TLSSocket | undefined;
  #isOver = false;
  readonly #onEnd = () => this.destroy();

  constructor(side: InboundSide, socket: Socket, sessions: Set<Session>) {
    this.#side = side;
    this.#socket = socket;
    this.#sessions = sessions;
    this.#address = plainAddress(socket.remoteAddress);
    this.deadlineMs = processClock.nowMs + GREETING_TIMEOUT_MS;
  }

  begin(): void {
    const socket = this.#socket;
    this.#sessions.add(this);
    processClock.watch(this);
    socket.once("error", (error) => this.#debug(error.message));
    socket.once("close", () => this.#finish());
    socket.once("end", this.#onEnd);
    socket.once("data", (first: Buffer) => this.#onFirst(first));
    socket.resume();
  }

  #onFirst(first: Buffer): void {
    this.#socket.pause();
    if (first[0] === TLS_HANDSHAKE) this.#startTls(first);
    else this.#startPlaintext(first);
  }

  #startPlaintext(first: Buffer): void {
    const { workload, recorder } = this.#side.parts;
    if (workload.mtlsMode === "STRICT") {
      recorder.plaintextRefused(workload.id, this.#address);
      this.destroy();
      return;
    }
    const downstream = this.#http1(undefined);
    const connection = Connection.adopt(this.#socket, downstream);
    downstream.attach(connection);
    connection.start(first);
  }

  #http1(peer: MeshPeer | undefined): Http1Downstream {
    const sessions = this.#sessions;
    const exchange = new InboundExchange(this.#side, peer, this.#address);
    const downstream = new Http1Downstream(exchange, (gone) => sessions.delete(gone));
    sessions.add(downstream);
    this.#finish();
    return downstream;
  }

  #startTls(first: Buffer): void {
    const { serverContext } = this.#side.parts.workload.identity;
    if (serverContext === undefined) {
      this.#debug("a TLS caller before the first certificate has come");
      this.destroy();
      return;
    }
    const socket = this.#socket;
    socket.removeListener("end", this.#onEnd);
    socket.unshift(first);
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: serverContext,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [MUX_ALPN, MESH_ALPN],
    });
    this.#tls = tls;
    const fail = (error: Error) => {
      this.#debug(error.message);
      this.destroy();
    };
    tls.once("_tlsError", fail);
    tls.on("error", fail);
    tls.once("end", this.#onEnd);
    tls.once("secure", () => this.#onSecure(tls, fail));
  }

  #onSecure(tls: TLSSocket, fail: (error: Error) => void): void {
    const fault = certificateFault(tls);
    const peer = fault ?? readPeer(tls, this.#side.parts.workload.identity.trustDomain);
    if (peer instanceof Error) fail(peer);
    else if (typeof peer === "string") fail(new Error(peer));
    else {
      tls.removeListener("end", this.#onEnd);
      tls.removeListener("error", fail);
      this.#startMesh(tls, peer);
    }
  }

  #startMesh(tls: TLSSocket, peer: MeshPeer): void {
    if (tls.alpnProtocol === MUX_ALPN) {
      this.#startMux(tls, peer);
      return;
    }
    const downstream = this.#http1(peer);
    const connection = Connection.adoptTls(tls, downstream);
    downstream.attach(connection);
    connection.start();
  }

  #startMux(tls: TLSSocket, peer: MeshPeer): void {
    const side = this.#side;
    const sessions = this.#sessions;
    const address = this.#address;
    const session = MuxServerSession.start(tls, {
      exchange: () => new InboundExchange(side, peer, address),
      onGone: (gone) => sessions.delete(gone),
      onFault: (error) => {
        const fields = { workload: side.name, peer: peer.labels.principal, code: error.code };
        side.parts.logger.warn(fields, `a multiplexed connection was closed: ${error.message}`);
      },
    });
    sessions.add(session);
    this.#finish();
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

  drain(): void {
    this.destroy();
  }

  destroy(): void {
    this.#finish();
    this.#tls?.destroy();
    this.#socket.destroy();
  }

  onDeadline(): void {
    this.#debug("no first byte or no handshake in time");
    this.destroy();
  }
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
