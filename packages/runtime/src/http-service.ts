import type { Server } from "node:http";
import type { ServerType } from "@hono/node-server";
import type { Hono } from "hono";
import { PortTakenError } from "./errors.ts";

export type HttpService = { readonly port: number; close(): Promise<void> };

/**
 * Serves a Hono app (admin, API: never the data path). Rejects with `PortTakenError` when the port
 * is in use; `variable` is the setting that chooses another.
 */
export async function serveHttp(
  app: Hono,
  listen: { host: string; port: number; purpose: string; variable: string },
): Promise<HttpService> {
  const { serve } = await import("@hono/node-server"); // a proxy shares this package and never serves by it
  const server = await new Promise<ServerType>((resolve, reject) => {
    const started: ServerType = serve(
      { fetch: app.fetch, hostname: listen.host, port: listen.port },
      () => resolve(started),
    );
    started.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(new PortTakenError(listen.port, listen.purpose, listen.variable, undefined));
    });
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : listen.port;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        (server as Server).closeAllConnections(); // event streams never end by themselves
      }),
  };
}
