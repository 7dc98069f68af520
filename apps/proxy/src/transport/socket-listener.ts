import net, { type AddressInfo } from "node:net";
import type { Listener } from "../core/listener.ts";

const MAX_CONNECTIONS = 10_000;
const DRAIN_CHECK_MS = 20;

/** Something that lives on an accepted connection. */
export interface Session {
  /** Take no further request, finish the one under way. */
  drain(): void;
  destroy(): void;
}

/** A TCP listener and the sessions on its connections. */
export class SocketListener implements Listener {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sessions: Set<Session>;

  private constructor(server: net.Server, sessions: Set<Session>) {
    this.#server = server;
    this.#sessions = sessions;
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * Listens on `host:port` (0: any free port). `onSocket` gets paused sockets. Rejects with the
   * system's error (`EADDRINUSE`).
   */
  static async listen(
    host: string,
    port: number,
    onSocket: (socket: net.Socket, sessions: Set<Session>) => void,
  ): Promise<SocketListener> {
    const sessions = new Set<Session>();
    const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true };
    const server = net.createServer(options, (socket) => onSocket(socket, sessions));
    server.maxConnections = MAX_CONNECTIONS;
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
    for (const session of [...this.#sessions]) session.drain();
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#sessions.size > 0 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
    }
    for (const session of [...this.#sessions]) session.destroy();
  }
}
