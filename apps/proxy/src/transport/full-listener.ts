import type { Socket } from "node:net";
import type { ListenerParts } from "../core/listener.ts";
import type { EventCounter } from "../core/traffic-recorder.ts";
import { detectProtocol } from "./detect-protocol.ts";
import { reasonOf } from "./failure.ts";
import { processOverload, RETRY_AFTER_SECONDS } from "./overload.ts";

/** How long a connection that is turned away may take to say what it speaks, and to take its answer. */
const PATIENCE_MS = 1_000;
/** What it may send before it is clear. */
const MAX_FIRST_BYTES = 16_384;
/** The log speaks of it no more often. */
const WARN_EVERY_MS = 10_000;
/** Nothing to agree on (RFC 9113 §6.5). */
const SETTINGS = Buffer.from("000000040000000000", "hex");
/** ENHANCE_YOUR_CALM, and no stream was served: the client may go elsewhere with all of them (§6.8). */
const GOAWAY = Buffer.from("000008070000000000000000000000000b", "hex");
const HTTP2_FAREWELL = Buffer.concat([SETTINGS, GOAWAY]);

/**
 * What a listener with as many connections as it may have does with further ones: HTTP/1 is answered
 * with 503, HTTP/2 with GOAWAY, anything else is reset. Each is counted.
 */
export class FullListener {
  readonly #parts: Pick<ListenerParts, "workload" | "recorder" | "logger">;
  readonly #origin: string;
  readonly #direction: "inbound" | "outbound";
  #counter: EventCounter | undefined;
  #warnAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    parts: Pick<ListenerParts, "workload" | "recorder" | "logger">,
    origin: string,
    direction: "inbound" | "outbound",
  ) {
    this.#parts = parts;
    this.#origin = origin;
    this.#direction = direction;
  }

  /** Ends a connection nothing was read of. */
  turnAway(socket: Socket): void {
    this.count();
    socket.on("error", () => {}); // its end follows, which is all that was to come
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.once("close", () => clearTimeout(timer));
    let first: Buffer | undefined;
    const onData = (bytes: Buffer) => {
      first = first === undefined ? bytes : Buffer.concat([first, bytes]);
      const found = detectProtocol(first, 0, first.length);
      if (found === "more" && first.length <= MAX_FIRST_BYTES) return;
      socket.off("data", onData);
      if (found !== "more" && found.protocol === "http") this.#end(socket, this.#answer);
      else if (found !== "more" && found.protocol === "http2") this.#end(socket, HTTP2_FAREWELL);
      else socket.resetAndDestroy();
    };
    socket.on("data", onData);
    socket.once("end", () => socket.end());
    socket.resume();
  }

  /** The rest of what the client sends is read, so that it sees the answer. */
  #end(socket: Socket, answer: Buffer): void {
    socket.end(answer);
    socket.resume();
  }

  get #answer(): Buffer {
    const { maxConnections } = processOverload.limits;
    const body = `${this.#origin}: the proxy is overloaded: more than ${maxConnections} connections are open\n`;
    const fields = [
      "content-type: text/plain; charset=utf-8",
      `x-heddle-origin: ${this.#origin}`,
      "x-heddle-flags: OM",
      `retry-after: ${RETRY_AFTER_SECONDS}`,
      `content-length: ${Buffer.byteLength(body)}`,
      "connection: close",
    ];
    return Buffer.from(`HTTP/1.1 503 ${reasonOf(503)}\r\n${fields.join("\r\n")}\r\n\r\n${body}`);
  }

  /** Notes a connection that found no place. */
  count(): void {
    const { id } = this.#parts.workload;
    const workload = `${id.namespace}/${id.name}`;
    const direction = this.#direction;
    this.#counter ??= this.#parts.recorder.counter("heddle_connections_refused_total", {
      workload,
      direction,
    });
    this.#counter.add(1);
    const nowMs = performance.now();
    if (nowMs < this.#warnAtMs) return;
    this.#warnAtMs = nowMs + WARN_EVERY_MS;
    const { maxConnections } = processOverload.limits;
    this.#parts.logger.warn({ workload, direction, maxConnections }, "too many connections");
  }
}
