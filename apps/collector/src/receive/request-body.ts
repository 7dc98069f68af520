import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { IngestGate, IngestLimits } from "./ingest-gate.ts";

/** A request that is not taken; `status` and message go to the sender. */
export class RefusedRequestError extends Error {
  override readonly name = "RefusedRequestError";
  readonly code = "HEDDLE_OTLP_REFUSED";
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const DECOMPRESS = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

/** The body as sent, and what to give back to the gate. Throws `RefusedRequestError` 413 or 429. */
export async function readBody(
  request: IncomingMessage,
  gate: IngestGate,
  limits: IngestLimits,
): Promise<Buffer> {
  const tooLarge = `the body is larger than ${limits.maxBodyBytes} bytes`;
  if (Number(request.headers["content-length"] ?? 0) > limits.maxBodyBytes) {
    throw new RefusedRequestError(413, tooLarge);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Not destroyed when refused: the sender could then not read why.
    const parts: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
    for await (const chunk of parts) {
      if (!gate.reserve(chunk.length))
        throw new RefusedRequestError(429, "the ingest queue is full");
      size += chunk.length;
      if (size > limits.maxBodyBytes) throw new RefusedRequestError(413, tooLarge);
      chunks.push(chunk);
    }
  } catch (error) {
    gate.release(size);
    throw error;
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}

/** Throws `RefusedRequestError`: 415 for an unknown encoding, 413 for a bomb, 400 for broken data. */
export async function decompress(
  body: Buffer,
  encoding: string | undefined,
  limits: IngestLimits,
): Promise<Buffer> {
  const name = (encoding ?? "identity").trim().toLowerCase();
  if (name === "identity" || name === "") return body;
  if (name !== "gzip" && name !== "deflate") {
    throw new RefusedRequestError(415, `content-encoding "${name}": expected gzip or deflate`);
  }
  try {
    return await DECOMPRESS[name](body, { maxOutputLength: limits.maxDecodedBytes });
  } catch (cause) {
    const isBomb =
      cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    if (isBomb) {
      const message = `the body decompresses to more than ${limits.maxDecodedBytes} bytes`;
      throw new RefusedRequestError(413, message, { cause });
    }
    throw new RefusedRequestError(400, `the body is not ${name}`, { cause });
  }
}
