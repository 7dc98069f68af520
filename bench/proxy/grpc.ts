import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, LOAD_CORE, run, start } from "./processes.ts";

export type GrpcLoad = {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  /** Requests under way on each connection. */
  readonly streams: number;
  readonly seconds: number;
  readonly folder: string;
};

const MESSAGE_BYTES = 128;

/** Whether nghttp2's programs are there: h2load makes the load, nghttpd is the server. */
export const hasGrpcPrograms =
  findProgram("h2load") !== undefined && findProgram("nghttpd") !== undefined;

/** A server that answers a unary call with the message it was sent, and `grpc-status: 0` behind it. */
export function startGrpcUpstream(port: number): void {
  const nghttpd = findProgram("nghttpd");
  if (nghttpd === undefined) return;
  const flags = ["--no-tls", "-n1", "--echo-upload", "-m", "1000", "--trailer=grpc-status: 0"];
  start(LOAD_CORE, nghttpd, ["-a", "127.0.0.1", ...flags, String(port)]);
}

/** Unary calls over a fixed number of streams, one after the other on each. */
export async function applyGrpcLoad(
  load: GrpcLoad,
): Promise<{ requests: number; failures: number }> {
  const body = join(load.folder, "grpc-message");
  writeFileSync(body, framed(Buffer.alloc(MESSAGE_BYTES, "x")));
  const out = await run(LOAD_CORE, findProgram("h2load") ?? "h2load", [
    ...["-t1", `-c${load.connections}`, `-m${load.streams}`, "-D", String(load.seconds)],
    ...["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"],
    ...["-H", `:authority: ${load.host}`, `http://127.0.0.1:${load.port}/shop.Reviews/Get`],
  ]);
  const good = Number(/status codes: (\d+) 2xx/.exec(out)?.[1] ?? 0);
  const [, failed = 0, errored = 0] = /(\d+) failed, (\d+) errored/.exec(out) ?? [];
  const refused = /2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(out) ?? [];
  const bad = refused.slice(1).reduce((sum, text) => sum + Number(text), 0);
  return { requests: good, failures: Math.max(bad, Number(failed), Number(errored)) };
}

/** A gRPC message on the wire: not compressed, its length, itself. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
