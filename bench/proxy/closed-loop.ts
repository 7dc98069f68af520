import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { findProgram, LOAD_CORE, run } from "./processes.ts";

export type ClosedLoad = {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
  /** Bytes of a POST body; 0: GET. */
  readonly bodyBytes: number;
  /** For the load generator's script. */
  readonly folder: string;
};

type LoadResult = { readonly requests: number; readonly failures: number };

export const LOAD_COOKIE = "session=0123456789abcdef0123456789abcdef";
const HEADERS: readonly (readonly [string, string])[] = [
  [
    "User-Agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0",
  ],
  ["Accept", "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"],
  ["Accept-Language", "en-GB,en;q=0.5"],
  ["Accept-Encoding", "gzip, deflate, br"],
  ["Cookie", LOAD_COOKIE],
];
const PATH = "/api/v1/products?page=1&sort=price";

/** wrk counts slower answers as errors; on a busy machine the scheduler alone can take its default of 2 s. */
const SLOW = "30s";

const wrk = findProgram("wrk");

/** Keep-alive requests over a number of connections, one after the other on each: wrk's, else our own. */
export async function applyClosedLoop(load: ClosedLoad): Promise<LoadResult> {
  return wrk === undefined ? ownLoad(load) : wrkLoad(wrk, load);
}

async function wrkLoad(program: string, load: ClosedLoad): Promise<LoadResult> {
  const args = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`, "--timeout", SLOW];
  for (const [name, value] of [["Host", load.host] as const, ...HEADERS]) {
    args.push("-H", `${name}: ${value}`);
  }
  if (load.bodyBytes > 0) {
    const script = join(load.folder, "post.lua");
    writeFileSync(script, `wrk.method = "POST"\nwrk.body = string.rep("x", ${load.bodyBytes})\n`);
    args.push("-s", script);
  }
  const out = await run(LOAD_CORE, program, [...args, `http://127.0.0.1:${load.port}${PATH}`]);
  const requests = Number(/(\d+) requests in/.exec(out)?.[1] ?? 0);
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    out,
  );
  const broken = (socketErrors ?? []).slice(1).reduce((sum, text) => sum + Number(text), 0);
  return { requests, failures: bad + broken };
}

/** Where wrk is absent: the same load from this process. Dearer, but outside of what is measured. */
async function ownLoad(load: ClosedLoad): Promise<LoadResult> {
  const head =
    `${load.bodyBytes > 0 ? "POST" : "GET"} ${PATH} HTTP/1.1\r\nHost: ${load.host}\r\n` +
    HEADERS.map(([name, value]) => `${name}: ${value}\r\n`).join("") +
    (load.bodyBytes > 0 ? `Content-Length: ${load.bodyBytes}\r\n` : "");
  const request = Buffer.from(`${head}\r\n${"x".repeat(load.bodyBytes)}`);
  const endMs = performance.now() + load.seconds * 1_000;
  const counts = await Promise.all(
    Array.from({ length: load.connections }, () => oneConnection(load.port, request, endMs)),
  );
  return {
    requests: counts.reduce((sum, count) => sum + count.requests, 0),
    failures: counts.reduce((sum, count) => sum + count.failures, 0),
  };
}

function oneConnection(port: number, request: Buffer, endMs: number): Promise<LoadResult> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    let requests = 0;
    let failures = 0;
    let missing = 0;
    socket.on("connect", () => socket.write(request));
    socket.on("data", (bytes: Buffer) => {
      if (missing === 0) {
        const text = bytes.toString("latin1");
        const headEnd = text.indexOf("\r\n\r\n") + 4;
        missing = headEnd + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (!text.startsWith("HTTP/1.1 200")) failures++;
      }
      missing -= bytes.length;
      if (missing > 0) return;
      requests++;
      if (performance.now() < endMs) socket.write(request);
      else socket.end();
    });
    socket.on("error", () => failures++);
    socket.on("close", () => resolve({ requests, failures }));
  });
}
