import type http from "node:http";
import type { Duplex } from "node:stream";
import { HttpAgent, httpRequest } from "../core/node-http.ts";

/** Connections to one authorizer; requests beyond them wait for one, within their own deadline. */
const MAX_SOCKETS = 64;
const MAX_FREE_SOCKETS = 8;
/** Node's http server closes a connection that was idle for 5 s. */
const IDLE_MS = 3_500;

type OnConnection = NonNullable<Parameters<http.Agent["createConnection"]>[1]>;

/**
 * Connections to an authorizer. With `outboundPort` they lead through the workload's own outbound port,
 * so that an authorizer of the mesh is found and spoken to as any other service: by its endpoints, with
 * mTLS, on the graph. Without, its name is looked up by DNS.
 */
export class AuthorizerAgent extends HttpAgent {
  readonly #authority: string;
  readonly #outboundPort: () => number;

  constructor(host: string, port: number, outboundPort: () => number) {
    super({
      keepAlive: true,
      maxSockets: MAX_SOCKETS,
      maxFreeSockets: MAX_FREE_SOCKETS,
      timeout: IDLE_MS,
      scheduling: "lifo",
    });
    this.#authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    this.#outboundPort = outboundPort;
  }

  /** Closes what is idle now, and everything else once its check is answered. */
  close(): void {
    this.maxFreeSockets = 0;
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  override createConnection(
    options: http.ClientRequestArgs,
    done?: OnConnection,
  ): Duplex | null | undefined {
    const port = this.#outboundPort();
    if (port === 0) return super.createConnection(options, done);
    const request = httpRequest({
      ...{ host: "127.0.0.1", port, method: "CONNECT", path: this.#authority, agent: false },
      headers: { host: this.#authority },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    // Of a failure Node takes the error alone.
    const fail = (done ?? (() => {})) as (error: Error) => void;
    request.once("connect", (response, socket) => {
      if (response.statusCode === 200) {
        done?.(null, socket);
        return;
      }
      socket.destroy();
      fail(new Error(describe(response)));
    });
    request.once("error", fail);
    request.end();
    return undefined;
  }
}

function describe({ statusCode, headers }: http.IncomingMessage): string {
  const flags = headers["x-heddle-flags"];
  return `the outbound port answers ${statusCode}${flags === undefined ? "" : ` (${String(flags)})`}`;
}
