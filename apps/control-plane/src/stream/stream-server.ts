import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { CONTROL_STREAM_PATH, JOIN_PATH, type Problem } from "@heddle/contracts";
import { PortTakenError, toHeddleError } from "@heddle/runtime";
import { type ConfigDb, findIssuedCertificates } from "@heddle/store";
import { WebSocketServer } from "ws";
import { problem } from "../api/problem.ts";
import { proxyUri } from "../certificates/certificate-authority.ts";
import { RateLimiter } from "../rate-limit.ts";
import type { ForeignRegistry } from "../replicas/foreign-registry.ts";
import { join } from "./join.ts";
import { LEASE_MS, ProxyConnection, type StreamParts } from "./proxy-connection.ts";
import { ServerIdentity } from "./server-identity.ts";

const MAX_JOIN_BODY_BYTES = 64 * 1024;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024; // a hello of 1000 workloads and 10 000 destinations
const MAX_CONNECTIONS = 20_000;
const MAX_CHAIN = 10;
const ALIVE_EVERY_MS = LEASE_MS / 3;
// A whole fleet on one machine may join at once; after that one address gets 20 a second.
const JOIN_LIMIT = { burst: 400, perSecond: 20 };

export type StreamServerParts = StreamParts & {
  readonly db: ConfigDb;
  /** Serial numbers in lower-case hex. */
  readonly isRevoked: (serialNumber: string) => boolean;
  /** Proxies that joined at other control planes. */
  readonly foreign: Pick<ForeignRegistry, "find" | "refresh">;
};

export type StreamServer = {
  readonly port: number;
  /** Shows and believes what the authority says now. */
  takeAuthorities(): Promise<void>;
  /** The proxy has a newer stream at another control plane: one that is open here is none any more. */
  replaced(proxyId: string): void;
  /** Ends a proxy's stream, since it is out of the mesh; `false`: it has none here. */
  putOut(proxyId: string, message: string): boolean;
  close(): Promise<void>;
};

/** Listens for proxies: `POST /v1/join` with a token, and the stream with a proxy's certificate. */
export async function startStreamServer(
  parts: StreamServerParts,
  listen: { readonly host: string; readonly port: number; readonly names: readonly string[] },
): Promise<StreamServer> {
  const names = ["localhost", "127.0.0.1", "::1", hostname(), listen.host, ...listen.names];
  const hosts = names.filter((name) => name !== "0.0.0.0" && name !== "::");
  const identity = await ServerIdentity.create(parts.authority, hosts, parts.logger);
  const server = createServer({
    ...identity.options,
    SNICallback: (name, done) => done(null, identity.find(name)),
    requestCert: true,
    rejectUnauthorized: false, // a proxy that joins has no certificate yet; the stream checks it itself
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
    const drop = (error: Error) => parts.logger.debug({ err: error }, "stream not opened");
    socket.on("error", drop);
    streamCaller(parts, request).then(
      (caller) => {
        if (typeof caller !== "string") return refuseUpgrade(socket, caller);
        socket.off("error", drop);
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          connections.get(caller)?.replace();
          const connection = new ProxyConnection(parts, webSocket, caller);
          connections.set(caller, connection);
          webSocket.once("close", () => {
            if (connections.get(caller) === connection) connections.delete(caller);
          });
        });
      },
      (error: unknown) => {
        parts.logger.error({ err: toHeddleError(error) }, "stream not opened");
        socket.destroy();
      },
    );
  });
  server.on("tlsClientError", (error) => parts.logger.debug({ err: error }, "handshake failed"));
  const alive = setInterval(() => {
    const nowMs = Date.now();
    for (const connection of connections.values()) connection.checkAlive(nowMs);
  }, ALIVE_EVERY_MS);
  identity.start((options) => server.setSecureContext(options));
  await listenOn(server, listen);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : listen.port,
    takeAuthorities: async () => {
      await identity.renew();
      server.setSecureContext(identity.options);
    },
    replaced: (proxyId) => connections.get(proxyId)?.replace(),
    putOut: (proxyId, message) => {
      const connection = connections.get(proxyId);
      connection?.putOut(message);
      return connection !== undefined;
    },
    close: async () => {
      clearInterval(alive);
      identity.stop();
      for (const connection of connections.values()) connection.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      setTimeout(() => server.closeAllConnections(), 500).unref(); // those still saying goodbye
      await closed;
    },
  };
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
  parts: StreamServerParts,
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
  parts: StreamServerParts,
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
async function streamCaller(
  parts: StreamServerParts,
  request: IncomingMessage,
): Promise<string | Problem> {
  const socket = request.socket as TLSSocket;
  if (request.url !== CONTROL_STREAM_PATH) {
    return problem(404, "HEDDLE_NOT_FOUND", "nothing is here");
  }
  if (!socket.authorized) {
    return problem(401, "HEDDLE_NO_CERTIFICATE", "the stream needs a certificate of this mesh");
  }
  const certificate = socket.getPeerCertificate(true);
  const names = certificate.subjectaltname?.split(", ") ?? [];
  const prefix = `URI:${proxyUri(parts.trustDomain, "")}`;
  const proxyId =
    names.length === 1 && names[0]?.startsWith(prefix) ? names[0].slice(prefix.length) : "";
  const proxy = await parts.foreign.find(proxyId);
  if (!proxy) {
    return problem(403, "HEDDLE_UNKNOWN_PROXY", "the certificate is not that of a joined proxy");
  }
  const serialNumber = certificate.serialNumber.toLowerCase();
  if (proxy.revokedAtMs !== undefined || parts.isRevoked(serialNumber)) {
    return problem(403, "HEDDLE_PROXY_REVOKED", "the proxy or its certificate was revoked");
  }
  if (await isOfThisMesh(parts, certificate)) return proxyId;
  const why = "the certificate is of a root that is believed no more; join again with a new token";
  return problem(401, "HEDDLE_NO_CERTIFICATE", why);
}

/**
 * A certificate under a root that is not believed any more passes only if it is the very one that was issued: a
 * proxy that was away during a rotation comes back by it, and nobody else does who has that root's key.
 */
async function isOfThisMesh(
  { authority, db }: StreamServerParts,
  certificate: DetailedPeerCertificate,
): Promise<boolean> {
  const root = hexOf(lastOf(certificate).fingerprint256);
  const isBelieved = authority.known
    .believedRoots(Date.now())
    .some(({ fingerprint }) => fingerprint === root);
  if (isBelieved) return true;
  const serialNumber = certificate.serialNumber.toLowerCase();
  const { certificates } = await findIssuedCertificates(db, { serialNumber, limit: 1 });
  return certificates[0]?.fingerprint === hexOf(certificate.fingerprint256);
}

/** The end of the chain as it was verified; a root is its own issuer. */
function lastOf(certificate: DetailedPeerCertificate): DetailedPeerCertificate {
  let last = certificate;
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    const issuer: DetailedPeerCertificate | undefined = last.issuerCertificate;
    if (!issuer || issuer === last || issuer.fingerprint256 === last.fingerprint256) break;
    last = issuer;
  }
  return last;
}

function hexOf(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}

/** Nobody reads this socket any more, so its end has to be ours: the caller's would never be seen. */
function refuseUpgrade(socket: Duplex, refusal: Problem): void {
  socket.once("finish", () => socket.destroy());
  const body = JSON.stringify(refusal);
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.title}\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
