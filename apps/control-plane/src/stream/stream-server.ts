import { constants } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { CONTROL_STREAM_PATH, JOIN_PATH, type Problem } from "@heddle/contracts";
import { PortTakenError, toHeddleError } from "@heddle/runtime";
import type { ConfigDb } from "@heddle/store";
import { WebSocketServer } from "ws";
import { problem } from "../api/problem.ts";
import { proxyUri } from "../certificates/certificate-authority.ts";
import { RateLimiter } from "../rate-limit.ts";
import { join } from "./join.ts";
import { LEASE_MS, ProxyConnection, type StreamParts } from "./proxy-connection.ts";

const MAX_JOIN_BODY_BYTES = 64 * 1024;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024; // a hello of 1000 workloads and 10 000 destinations
const MAX_CONNECTIONS = 20_000;
const ALIVE_EVERY_MS = LEASE_MS / 3;
// A whole fleet on one machine may join at once; after that one address gets 20 a second.
const JOIN_LIMIT = { burst: 400, perSecond: 20 };

export type StreamServer = { readonly port: number; close(): Promise<void> };

/** Listens for proxies: `POST /v1/join` with a token, and the stream with a proxy's certificate. */
export async function startStreamServer(
  parts: StreamParts & { readonly db: ConfigDb },
  listen: { readonly host: string; readonly port: number; readonly names: readonly string[] },
): Promise<StreamServer> {
  const names = ["localhost", "127.0.0.1", "::1", hostname(), listen.host, ...listen.names];
  const hosts = names.filter((name) => name !== "0.0.0.0" && name !== "::");
  let certificate = await parts.authority.issueServer(hosts);
  const server = createServer({
    ...toSecureContext(parts, certificate),
    requestCert: true,
    rejectUnauthorized: false, // a proxy that joins has no certificate yet; the stream checks it itself
    minVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET, // a resumed session would not show the certificate
    requestTimeout: 10_000,
    headersTimeout: 10_000,
    maxHeaderSize: 16_384,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const connections = new Map<string, ProxyConnection>();
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });
  const limiter = new RateLimiter(JOIN_LIMIT);
  server.on("request", (request, response) => {
    void answer(parts, limiter, request, response);
  });
  server.on("upgrade", (request, socket, head) => {
    const proxyId = streamCaller(parts, request);
    if (typeof proxyId !== "string") return refuseUpgrade(socket, proxyId);
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      connections.get(proxyId)?.replace();
      const connection = new ProxyConnection(parts, webSocket, proxyId);
      connections.set(proxyId, connection);
      webSocket.once("close", () => {
        if (connections.get(proxyId) === connection) connections.delete(proxyId);
      });
    });
  });
  server.on("tlsClientError", (error) => parts.logger.debug({ err: error }, "handshake failed"));
  const alive = setInterval(() => {
    const nowMs = Date.now();
    for (const connection of connections.values()) connection.checkAlive(nowMs);
  }, ALIVE_EVERY_MS);
  const renewal = setInterval(() => {
    if (certificate.notAfterMs - Date.now() > 3 * 86_400_000) return;
    parts.authority.issueServer(hosts).then(
      (next) => {
        certificate = next;
        server.setSecureContext(toSecureContext(parts, next));
      },
      (error: unknown) => {
        parts.logger.error({ err: toHeddleError(error) }, "own certificate not renewed");
      },
    );
  }, 3_600_000);
  await listenOn(server, listen);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : listen.port,
    close: async () => {
      clearInterval(alive);
      clearInterval(renewal);
      for (const connection of connections.values()) connection.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      setTimeout(() => server.closeAllConnections(), 500).unref(); // those still saying goodbye
      await closed;
    },
  };
}

function toSecureContext(
  { authority }: StreamParts,
  certificate: { keyPem: string; chainPem: string },
) {
  return { key: certificate.keyPem, cert: certificate.chainPem, ca: authority.trustBundlePem };
}

async function listenOn(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      reject(new PortTakenError(port, "proxies", "HEDDLE_CONTROL_PORT", undefined));
    });
    server.listen(port, host, resolve);
  });
}

async function answer(
  parts: StreamParts & { readonly db: ConfigDb },
  limiter: RateLimiter,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const outcome = await serveJoin(parts, limiter, request);
    const isProblem = "status" in outcome;
    parts.metrics.joins.inc({ outcome: isProblem ? "refused" : "joined" });
    const type = isProblem ? "application/problem+json" : "application/json";
    const status = isProblem ? outcome.status : 200;
    response.writeHead(status, { "content-type": type, connection: "close" });
    response.end(JSON.stringify(outcome));
  } catch (error) {
    parts.logger.error({ err: toHeddleError(error) }, "join failed");
    if (!response.headersSent) response.writeHead(500, { connection: "close" });
    response.end();
  }
}

async function serveJoin(
  parts: StreamParts & { readonly db: ConfigDb },
  limiter: RateLimiter,
  request: IncomingMessage,
): Promise<object | Problem> {
  if (request.url !== JOIN_PATH) return problem(404, "HEDDLE_NOT_FOUND", "nothing is here");
  if (request.method !== "POST") {
    return problem(405, "HEDDLE_METHOD_NOT_ALLOWED", `${JOIN_PATH} takes POST`);
  }
  if (!limiter.take(request.socket.remoteAddress ?? "", Date.now())) {
    return problem(429, "HEDDLE_TOO_MANY_REQUESTS", "too many requests to join; wait a second");
  }
  const body = await readBody(request);
  if (body === undefined) {
    return problem(
      413,
      "HEDDLE_TOO_LARGE",
      `a join request has at most ${MAX_JOIN_BODY_BYTES} bytes`,
    );
  }
  const outcome = await join(parts, parseJson(body));
  if (outcome.ok) {
    parts.logger.info({ proxyId: outcome.response.proxyId }, "proxy joined");
    return outcome.response;
  }
  parts.logger.warn({ code: outcome.problem.code }, "join refused");
  return outcome.problem;
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_JOIN_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema then says what was expected
  }
}

/** The proxy that its certificate names, or why it may not open a stream. */
function streamCaller(
  { trustDomain, registry }: StreamParts,
  request: IncomingMessage,
): string | Problem {
  const socket = request.socket as TLSSocket;
  if (request.url !== CONTROL_STREAM_PATH) {
    return problem(404, "HEDDLE_NOT_FOUND", "nothing is here");
  }
  if (!socket.authorized) {
    return problem(401, "HEDDLE_NO_CERTIFICATE", "the stream needs a certificate of this mesh");
  }
  const names = socket.getPeerCertificate().subjectaltname?.split(", ") ?? [];
  const prefix = `URI:${proxyUri(trustDomain, "")}`;
  const proxyId =
    names.length === 1 && names[0]?.startsWith(prefix) ? names[0].slice(prefix.length) : "";
  if (!registry.findProxy(proxyId)) {
    return problem(403, "HEDDLE_UNKNOWN_PROXY", "the certificate is not that of a joined proxy");
  }
  return proxyId;
}

function refuseUpgrade(socket: Duplex, refusal: Problem): void {
  const body = JSON.stringify(refusal);
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.title}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
