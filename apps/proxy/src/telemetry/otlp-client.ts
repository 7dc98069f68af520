import type { RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { HttpAgent, httpRequest } from "../core/node-http.ts";

const compress = promisify(gzip);
const PUSH_DEADLINE_MS = 5_000;
const MAX_ANSWER_BYTES = 64 * 1024;

/** `refused`: the collector will never take this body (4xx), so sending it again is of no use. */
export type PushResult =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** Compresses a body once, so that a retry does not. Level 1: the link is short, the CPU is the app's. */
export function compressBody(body: Buffer): Promise<Buffer> {
  return compress(body, { level: constants.Z_BEST_SPEED });
}

/** One keep-alive connection to an OTLP/HTTP receiver. Never throws: the outcome is the answer. */
export class OtlpClient {
  readonly #endpoint: URL;
  readonly #agent: InstanceType<typeof HttpAgent> | HttpsAgent;

  constructor(endpoint: URL) {
    this.#endpoint = endpoint;
    const options = { keepAlive: true, maxSockets: 2, timeout: 10_000 };
    this.#agent = endpoint.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
  }

  push(signal: "metrics" | "traces" | "logs", gzipped: Buffer): Promise<PushResult> {
    const url = new URL(
      `${this.#endpoint.pathname.replace(/\/$/, "")}/v1/${signal}`,
      this.#endpoint,
    );
    const options: RequestOptions = {
      method: "POST",
      agent: this.#agent,
      headers: {
        "content-type": "application/x-protobuf",
        "content-encoding": "gzip",
        "content-length": gzipped.length,
      },
      signal: AbortSignal.timeout(PUSH_DEADLINE_MS),
    };
    return new Promise((resolve) => {
      const failed = (error: Error) => resolve({ kind: "failed", reason: error.message });
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const request = send(url, options, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
        });
        response.on("error", failed);
        response.on("end", () =>
          resolve(resultOf(response.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"))),
        );
      });
      request.on("error", failed);
      request.end(gzipped);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** OTLP/HTTP: 429, 502, 503 and 504 may be sent again; so may any other 5xx of a restarting receiver. */
function resultOf(status: number, answer: string): PushResult {
  if (status >= 200 && status < 300) return { kind: "accepted" };
  const reason = `status ${status} ${answer.slice(0, 200)}`.trim();
  if (status >= 500 || status === 429 || status === 408) return { kind: "failed", reason };
  return { kind: "refused", reason };
}
