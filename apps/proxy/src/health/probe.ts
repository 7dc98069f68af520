import { spawn } from "node:child_process";
import type { IncomingHttpHeaders } from "node:http2";
import { Socket } from "node:net";
import { httpRequest } from "../core/node-http.ts";
import { nodeHttp2 } from "../core/node-http2.ts";
import { readServingStatus, writeHealthRequest } from "./grpc-health.ts";
import type { HealthCheckSettings } from "./health-settings.ts";

/** Where an app is checked. */
export type ProbeTarget = {
  readonly port: number;
  /** It speaks HTTP/2 by prior knowledge. */
  readonly isHttp2: boolean;
};

const APP_HOST = "127.0.0.1";
const MAX_GRPC_ANSWER_BYTES = 4096;
/** gRPC's status codes, by name where a check is likely to meet them. */
const GRPC_STATUS: Readonly<Record<string, string>> = {
  "5": "NOT_FOUND: it does not know that service",
  "12": "UNIMPLEMENTED: it has no grpc.health.v1",
};

/** Checks an app once. `undefined`: it is well; else why not. Never rejects, and ends when `signal` does. */
export async function probe(
  settings: HealthCheckSettings,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await probeKind(settings, target, signal);
  } catch (error) {
    if (signal.aborted) return `no answer within ${settings.timeoutMs} ms`;
    return describeFailure(error, target.port);
  }
}

function probeKind(
  { http, grpc, command }: HealthCheckSettings,
  { port, isHttp2 }: ProbeTarget,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (command) return probeCommand(command.argv, signal);
  if (grpc) return probeGrpc(grpc.serviceName, port, signal);
  if (http) return isHttp2 ? probeHttp2(http, port, signal) : probeHttp1(http, port, signal);
  return probeTcp(port, signal);
}

type HttpCheck = NonNullable<HealthCheckSettings["http"]>;

async function probeHttp1(check: HttpCheck, port: number, signal: AbortSignal) {
  const { path, method, host = `${APP_HOST}:${port}`, headers } = check;
  const status = await new Promise<number>((resolve, reject) => {
    const sent = httpRequest(
      { host: APP_HOST, port, path, method, signal, agent: false, headers: { ...headers, host } },
      (response) => {
        resolve(response.statusCode ?? 0);
        response.destroy(); // nobody reads the body
      },
    );
    sent.on("error", reject);
    sent.end();
  });
  return judgeStatus(check, status);
}

async function probeHttp2(check: HttpCheck, port: number, signal: AbortSignal) {
  const { path, method, host = `${APP_HOST}:${port}`, headers } = check;
  const named = { ...headers, ":path": path, ":method": method, ":authority": host };
  const answer = await askHttp2(port, named, undefined, signal);
  return judgeStatus(check, Number(answer.headers[":status"]));
}

function judgeStatus({ method, path, expectedStatuses }: HttpCheck, status: number) {
  if (expectedStatuses.some(({ start, end }) => status >= start && status < end)) return undefined;
  const expected = expectedStatuses
    .map(({ start, end }) => (end === start + 1 ? `${start}` : `${start} to ${end - 1}`))
    .join(", ");
  return `${method} ${path} answered ${status}, expected ${expected}`;
}

async function probeGrpc(serviceName: string, port: number, signal: AbortSignal) {
  const headers = {
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    ":authority": `${APP_HOST}:${port}`,
    "content-type": "application/grpc",
    te: "trailers",
  };
  const answer = await askHttp2(port, headers, writeHealthRequest(serviceName), signal);
  const code = String(answer.trailers["grpc-status"] ?? answer.headers["grpc-status"] ?? "none");
  if (code !== "0") return `the gRPC check ended in status ${GRPC_STATUS[code] ?? code}`;
  const status = readServingStatus(answer.body);
  return status === "SERVING" ? undefined : `the gRPC check answered ${status}`;
}

type Http2Answer = {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
};

function askHttp2(
  port: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer | undefined,
  signal: AbortSignal,
): Promise<Http2Answer> {
  const session = nodeHttp2().connect(`http://${APP_HOST}:${port}`);
  const answered = new Promise<Http2Answer>((resolve, reject) => {
    session.on("error", reject);
    signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
    const stream = session.request(headers, { endStream: body === undefined });
    stream.on("error", reject);
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.once("response", (received) => {
      head = received;
    });
    stream.once("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_GRPC_ANSWER_BYTES) chunks.push(chunk);
    });
    stream.once("end", () => resolve({ headers: head, trailers, body: Buffer.concat(chunks) }));
    stream.once("close", () => reject(new Error("the connection ended without an answer")));
    if (body !== undefined) stream.end(body);
  });
  return answered.finally(() => session.destroy());
}

async function probeTcp(port: number, signal: AbortSignal): Promise<undefined> {
  const socket = new Socket({ signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.connect(port, APP_HOST, resolve);
    });
  } finally {
    socket.destroy();
  }
  return undefined;
}

async function probeCommand(argv: readonly string[], signal: AbortSignal) {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: "ignore", signal, killSignal: "SIGKILL" });
  const ended = await new Promise<{ code: number | null; by: string | null }>((resolve, reject) => {
    child.on("error", reject);
    child.once("exit", (code, by) => resolve({ code, by }));
  });
  if (ended.code === 0) return undefined;
  const how = ended.code === null ? `was ended by ${ended.by}` : `exited with ${ended.code}`;
  return `the command ${program} ${how}`;
}

function describeFailure(error: unknown, port: number): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return `nobody listens on port ${port}`;
  if (code === "ENOENT") return "the command of the check does not exist";
  return `the check failed: ${message}`.slice(0, 200);
}
