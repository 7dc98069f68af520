import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { FoundProtocol } from "../core/protocol-memory.ts";
import { MESH_HTTP2_ALPN, MESH_TCP_ALPN, MUX_ALPN } from "../core/workload-identity.ts";
import type { ByteStream, ByteStreamHandler } from "../transport/byte-stream.ts";
import { Connection } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { Http1Downstream } from "../transport/http1-downstream.ts";
import { Http2ServerSession } from "../transport/http2-server.ts";
import { MuxServerSession } from "../transport/mux/mux-server.ts";
import type { TcpAnswer } from "../transport/mux/mux-server-stream.ts";
import type { Session } from "../transport/socket-listener.ts";
import type { InboundCaller } from "./inbound-caller.ts";
import { InboundExchange } from "./inbound-exchange.ts";
import { connectionFacts } from "./inbound-facts.ts";
import type { InboundSide } from "./inbound-side.ts";
import { OpaqueOnly } from "./opaque-only.ts";
import type { MeshPeer } from "./peer-certificate.ts";
import { InboundTcp } from "./tcp-connection.ts";

const NO_BYTES = Buffer.alloc(0);
/** Until the connection's new owner has it, which is at once. */
const UNREAD: ByteStreamHandler = Object.freeze({
  onData() {},
  onEnd() {},
  onDrain() {},
  onClose() {},
});

/** What begins on a caller's connection once it is known what it speaks and, by TLS of the mesh, who calls. */
export class InboundSessions {
  readonly address: string;
  readonly #side: InboundSide;
  readonly #socket: Socket;
  readonly #sessions: Set<Session>;

  constructor(side: InboundSide, socket: Socket, sessions: Set<Session>) {
    this.#side = side;
    this.#socket = socket;
    this.#sessions = sessions;
    this.address = plainAddress(socket.remoteAddress);
  }

  /** Whether the port is declared to speak HTTP of some version. */
  get isHttp(): boolean {
    const protocol = this.#side.app?.protocol;
    return protocol === "http" || protocol === "http2" || protocol === "grpc";
  }

  /** What a port of no declared protocol was found to speak. */
  note(protocol: FoundProtocol): void {
    const { app, parts } = this.#side;
    if (app?.protocol !== "auto") return;
    const service = { namespace: parts.workload.id.namespace, name: parts.workload.service };
    parts.protocols?.note(service, app.port, protocol);
  }

  debug(reason: string): void {
    const { parts, name } = this.#side;
    parts.logger.debug({ workload: name, address: this.address, reason }, "a caller was refused");
  }

  // ---- Without TLS of the mesh; `kept` has been read already ----

  startPlainHttp1(kept: Buffer): void {
    const downstream = this.#http1(this.#plainCaller());
    const connection = Connection.adopt(this.#socket, downstream);
    downstream.attach(connection);
    connection.start(kept);
  }

  startPlainHttp2(kept: Buffer): void {
    this.#socket.removeAllListeners();
    this.#socket.unshift(kept);
    this.#http2(this.#socket, this.#plainCaller());
  }

  /** `serverName`: that the app's own TLS asks for. */
  startPlainTcp(kept: Buffer, serverName: string | undefined): void {
    const caller = { ...this.#plainCaller(), serverName };
    this.#tcp(Connection.adopt(this.#socket, UNREAD), caller, kept);
  }

  // ---- With it, as ALPN says ----

  /** A text says why nothing can begin. */
  startMesh(tls: TLSSocket, peer: MeshPeer): string | undefined {
    const caller = this.#meshCaller(tls, peer);
    const { alpnProtocol } = tls;
    if (alpnProtocol === MUX_ALPN) {
      this.#hold(tls, peer, this.#mux(tls, caller, peer));
    } else if (alpnProtocol === MESH_HTTP2_ALPN) {
      tls.removeAllListeners();
      // As Node's own TLS server marks a socket that is ready; an HTTP/2 session waits for it.
      Object.assign(tls, { secureConnecting: false });
      this.#hold(tls, peer, this.#http2(tls, caller));
    } else if (alpnProtocol === MESH_TCP_ALPN || (alpnProtocol === false && this.#isDeclaredTcp)) {
      if (this.isHttp) return `${peer.labels.principal} sends TCP to a port of HTTP`;
      this.#hold(tls, peer);
      this.#tcp(Connection.adoptTls(tls, UNREAD), caller, NO_BYTES);
    } else {
      const downstream = this.#http1(caller);
      this.#hold(tls, peer, downstream);
      const connection = Connection.adoptTls(tls, downstream);
      downstream.attach(connection);
      connection.start();
    }
    return undefined;
  }

  get #isDeclaredTcp(): boolean {
    return !this.isHttp && this.#side.app?.protocol !== "auto";
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

  // ---- The kinds ----

  #http1(caller: InboundCaller): Http1Downstream {
    const sessions = this.#sessions;
    const exchange = new InboundExchange(this.#side, caller);
    const downstream = new Http1Downstream(exchange, (gone) => sessions.delete(gone));
    sessions.add(downstream);
    return downstream;
  }

  #http2(socket: Socket, caller: InboundCaller): Session {
    const side = this.#side;
    const session = new Http2ServerSession(socket, {
      limits: side.limits,
      clock: processClock,
      idleMs: side.timeouts.idleMs,
      exchange: () => new InboundExchange(side, caller),
      onGone: (gone) => this.#sessions.delete(gone),
    });
    this.#sessions.add(session);
    return session;
  }

  #mux(tls: TLSSocket, caller: InboundCaller, peer: MeshPeer): Session {
    const side = this.#side;
    const sessions = this.#sessions;
    const session = MuxServerSession.start(tls, {
      exchange: () => new InboundExchange(side, caller),
      onTcp: (stream, answer) => {
        if (this.isHttp) answer.refuse("the port is declared to speak HTTP");
        else this.#serveTcp(stream, caller, NO_BYTES, answer);
      },
      onGone: (gone) => sessions.delete(gone),
      onFault: (error) => {
        const fields = { workload: side.name, peer: peer.labels.principal, code: error.code };
        side.parts.logger.warn(fields, `a multiplexed connection was closed: ${error.message}`);
      },
    });
    sessions.add(session);
    return session;
  }

  #tcp(connection: Connection, caller: InboundCaller, kept: Buffer): void {
    this.#serveTcp(connection, caller, kept);
    connection.start();
  }

  /** `answer`: the caller waits to hear whether its connection is taken. */
  #serveTcp(stream: ByteStream, caller: InboundCaller, kept: Buffer, answer?: TcpAnswer): void {
    const { tcp, app } = this.#side;
    const sessions = this.#sessions;
    const refuse = (reason: string) => {
      this.debug(reason);
      if (answer === undefined) stream.reset();
      else answer.refuse(reason);
    };
    if (app === undefined) {
      refuse("the workload has no app port");
      return;
    }
    const series = tcp.series.of(caller.peer, this.address);
    if (!this.#mayConnect(caller, app.port)) {
      series.countRefused("-", "inbound-proxy");
      refuse("denied by an AuthorizationPolicy");
      return;
    }
    const isUndeclared = app.protocol === "auto";
    const guard =
      isUndeclared && this.#judgesRequests
        ? new OpaqueOnly(stream, () => {
            this.note("http");
            series.countRefused("-", "inbound-proxy");
            this.#tellHiddenRequests(caller, app.port);
          })
        : undefined;
    const first = guard === undefined ? kept : guard.admit(kept);
    if (first === undefined) return;
    const onGone = (gone: InboundTcp) => sessions.delete(gone);
    const session = new InboundTcp(tcp, series, app.port, guard ?? stream, onGone, {
      answer,
      onServerFirst: isUndeclared ? () => this.note("tcp") : undefined,
    });
    sessions.add(session);
    session.begin(first, 0, first.length);
  }

  /** Whether anything but its beginning is looked at when a request comes. */
  get #judgesRequests(): boolean {
    const policy = this.#side.parts.workload.policy;
    const { authorization, custom, authentication, rateLimits, filters } = policy ?? {};
    const judges = [authorization, custom, authentication, rateLimits, filters?.inbound];
    return judges.some((judge) => judge !== undefined);
  }

  #tellHiddenRequests(caller: InboundCaller, appPort: number): void {
    const { parts, name } = this.#side;
    const fields = { workload: name, caller: callerName(caller), appPort };
    const why = "it carried HTTP past the policies of a port that declares no protocol";
    parts.logger.warn(
      fields,
      `an opaque connection was closed: ${why}; declare the port's protocol`,
    );
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
      address: this.address,
      localAddress: plainAddress(this.#socket.localAddress),
      serverName: undefined,
    };
  }

  #meshCaller(tls: TLSSocket, peer: MeshPeer): InboundCaller {
    // Node's types leave it out; `false` where the client has named none.
    const { servername } = tls as TLSSocket & { readonly servername?: string | false | null };
    return { ...this.#plainCaller(), peer, serverName: servername || undefined };
  }
}

function callerName({ peer, address }: InboundCaller): string {
  return peer?.labels.principal ?? `plaintext from ${address}`;
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
