import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import type { Registry } from "prom-client";
import { createHttpServer } from "../core/node-http.ts";

const LOOPBACK = "127.0.0.1";

/** What the admin port shows. */
export type AdminSources = {
  /** Made at the first scrape. */
  readonly registry: () => Promise<Registry>;
  /** Why the proxy is not ready; empty: it is. */
  readonly notReady: () => readonly string[];
  /** What is wrong although the proxy serves. */
  readonly concerns: () => readonly string[];
  /** Plain data, without keys. */
  readonly configDump: () => unknown;
  readonly stats: () => unknown;
};

export type AdminServer = { readonly port: number; close(): Promise<void> };

/**
 * Serves `/metrics`, `/healthz/ready`, `/config_dump` and `/stats` on loopback, whatever
 * HEDDLE_BIND_ADDRESS opens: they tell the shape of the mesh and ask for no password. Rejects with
 * the system's error when the port is taken.
 */
export async function startAdminServer(port: number, sources: AdminSources): Promise<AdminServer> {
  const server = createHttpServer(
    { requestTimeout: 10_000, headersTimeout: 5_000 },
    (request, response) => {
      answer(request, response, sources).catch((error: unknown) => {
        sendText(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
      });
    },
  );
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, LOOPBACK, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  sources: AdminSources,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return sendText(response, 405, "only GET and HEAD\n");
  }
  if (!isOwnHost(request.headers.host)) {
    return sendText(response, 421, "ask for localhost or an address, not for another name\n");
  }
  const path = (request.url ?? "/").split("?", 1)[0];
  switch (path) {
    case "/metrics": {
      const registry = await sources.registry();
      const text = await registry.metrics();
      response.writeHead(200, { "content-type": registry.contentType }).end(text);
      return;
    }
    case "/healthz/ready": {
      const reasons = sources.notReady();
      if (reasons.length === 0) {
        return sendText(response, 200, `${["ready", ...sources.concerns()].join("\n")}\n`);
      }
      return sendText(response, 503, `not ready: ${reasons.join("; ")}\n`);
    }
    case "/config_dump":
      return sendJson(response, sources.configDump());
    case "/stats":
      return sendJson(response, sources.stats());
    default:
      return sendText(response, 404, "/metrics /healthz/ready /config_dump /stats\n");
  }
}

/** A page whose name's owner has it lead to loopback (DNS rebinding) asks for that name. */
function isOwnHost(host = "localhost"): boolean {
  const name = host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || isIP(name) !== 0;
}

function sendJson(response: ServerResponse, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  response.writeHead(200, { "content-type": "application/json" }).end(text);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
