import net, { type AddressInfo } from "node:net";
import type { Listener } from "../core/listener.ts";
import type { FullListener } from "./full-listener.ts";
import { processOverload } from "./overload.ts";

/** Connections beyond the most there may be that are told so at a time; still more are closed unheard. */
const MAX_TURNED_AWAY = 1_000;
const DRAIN_CHECK_MS = 20;

/** How long a draining connection waits for a request or handshake that may be on its way. */
export const LAST_REQUEST_MS = 500;

/** Something that lives on an accepted connection. */
export interface Session {
  /** Take no further request, finish the one under way. */
  drain(): void;
  destroy(): void;
}

/** The sessions of a listener; one that begins while the listener drains is drained at once. */
class Sessions extends Set<Session> {
  isDraining = false;

  override add(session: Session): this {
    super.add(session);
    if (this.isDraining) session.drain();
    return this;
  }
}

/** A TCP listener and the sessions on its connections. */
export class SocketListener implements Listener {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sessions: Sessions;

  private constructor(server: net.Server, sessions: Sessions) {
    this.#server = server;
    this.#sessions = sessions;
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * Listens on `host:port` (0: any free port). `onSocket` gets paused sockets, none before `mayBegin`; those
   * there is no room for go to `full`. Rejects with the system's error (`EADDRINUSE`).
   */
  static async listen(
    host: string,
    port: number,
    onSocket: (socket: net.Socket, sessions: Set<Session>) => void,
    full: FullListener,
    mayBegin?: Promise<void>,
  ): Promise<SocketListener> {
    const sessions = new Sessions();
    const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true };
    let begin = (socket: net.Socket) => onSocket(socket, sessions);
    if (mayBegin !== undefined) {
      const early: net.Socket[] = [];
      const serve = begin;
      begin = (socket) => {
        socket.on("error", () => {}); // it is closed then, and nobody has heard of it yet
        early.push(socket);
      };
      void mayBegin.then(() => {
        begin = serve;
        for (const socket of early.splice(0)) if (!socket.destroyed) serve(socket);
      });
    }
    const { maxConnections } = processOverload.limits;
    const server = net.createServer(options, (socket) => {
      if (sessions.size < maxConnections) begin(socket);
      else full.turnAway(socket);
    });
    server.maxConnections = maxConnections + MAX_TURNED_AWAY;
    server.on("drop", () => full.count());
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, 4_096, resolve);
    });
    return new SocketListener(server, sessions);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /**
   * Stops accepting, lets the requests under way finish, and closes; after `timeoutMs` what is left is
   * cut off.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#server.close();
    this.#sessions.isDraining = true;
    for (const session of [...this.#sessions]) session.drain();
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#sessions.size > 0 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
    }
    for (const session of [...this.#sessions]) session.destroy();
  }
}
