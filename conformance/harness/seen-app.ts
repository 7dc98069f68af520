import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Scope } from "@heddle/testkit";
import { holdAnswer } from "./held-answers.ts";

/** A request as it reached an app. */
export type Seen = {
  readonly app: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** Counts the connections of this app; the same number, the same connection. */
  readonly connection: number;
  readonly atMs: number;
};

/** Decides an answer; `undefined` leaves it to what the request's own `x-do` asks for. */
export type Answerer = (
  response: http.ServerResponse,
  seen: Seen,
  count: number,
) => void | undefined | "held";

/** An HTTP/1.1 app that answers with what reached it, as JSON, and keeps it. */
export type SeenApp = {
  readonly name: string;
  readonly port: number;
  readonly seen: readonly Seen[];
  /** Connections open now. */
  readonly openConnections: number;
  close(): Promise<void>;
};

/**
 * `x-do` of a request: directives, each with `@app` only for that app. `status=503`, `delay=100` (ms),
 * `reset` (breaks the connection), `hang` (never answers), `hold=key` (see `HeldAnswers`), `set=name:value`
 * (a response header).
 */
const DIRECTIVE = /^(status|delay|reset|hang|hold|set)(?:=([^@]*))?(?:@(\S+))?$/;

/** Starts an app on `port` (0: a free one). WebSocket upgrades are answered by an echo of bytes. */
export async function startSeenApp(
  scope: Scope,
  name: string,
  answer: Answerer = () => undefined,
  options: http.ServerOptions & { readonly port?: number; readonly address?: string } = {},
): Promise<SeenApp> {
  const { port = 0, address = "127.0.0.1", ...serverOptions } = options;
  const seen: Seen[] = [];
  const numbers = new WeakMap<Socket, number>();
  let connections = 0;
  const open = new Set<Socket>();
  const server = http.createServer(serverOptions, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("error", () => undefined); // the caller has gone; nobody waits for an answer
    request.on("end", () => {
      const one = describe(name, request, Buffer.concat(parts), numbers.get(request.socket) ?? 0);
      seen.push(one);
      if (answer(response, one, seen.length) === "held" || response.headersSent) return;
      obey(response, one);
    });
  });
  server.on("connection", (socket) => {
    connections += 1;
    numbers.set(socket, connections);
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.on("upgrade", (request, socket) => {
    seen.push(describe(name, request, Buffer.alloc(0), 0));
    socket.on("error", () => undefined);
    const protocol = request.headers.upgrade ?? "";
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\nx-app: ${name}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  scope.after(close);
  return {
    name,
    port: (server.address() as AddressInfo).port,
    seen,
    get openConnections() {
      return open.size;
    },
    close,
  };
}

function describe(
  app: string,
  request: http.IncomingMessage,
  body: Buffer,
  connection: number,
): Seen {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(request.headers)) headers[key] = String(value);
  return {
    app,
    method: request.method ?? "",
    url: request.url ?? "",
    headers,
    rawHeaders: request.rawHeaders,
    body: body.toString(),
    connection,
    atMs: performance.now(),
  };
}

function obey(response: http.ServerResponse, seen: Seen): void {
  let status = 200;
  let delayMs = 0;
  let holdKey: string | undefined;
  for (const directive of (seen.headers["x-do"] ?? "").split(" ")) {
    const [, what, value = "", where] = DIRECTIVE.exec(directive) ?? [];
    if (what === undefined || (where !== undefined && where !== seen.app)) continue;
    if (what === "hang") return;
    if (what === "reset") return void response.socket?.destroy();
    if (what === "status") status = Number(value);
    if (what === "delay") delayMs = Number(value);
    if (what === "hold") holdKey = value;
    if (what === "set") {
      const [name = "", text = ""] = value.split(":");
      response.appendHeader(name, text);
    }
  }
  const text = JSON.stringify(seen);
  const finish = () => {
    response.writeHead(status, { "content-type": "application/json", "x-app": seen.app });
    response.end(status === 204 || status === 304 ? undefined : text);
  };
  if (holdKey !== undefined) holdAnswer(holdKey, finish);
  else if (delayMs > 0) setTimeout(finish, delayMs);
  else finish();
}
