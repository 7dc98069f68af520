import { randomFillSync } from "node:crypto";
import type { OutBuffer } from "@heddle/http1";

/** Random bytes come from a pool: one call for thousands of ids instead of 2 µs for each. */
const pool = Buffer.allocUnsafeSlow(65_536);
let poolAt = pool.length;

const TRACE_AT = 0;
const SPAN_AT = 16;
const PARENT_AT = 24;
const REQUEST_AT = 32;
const ID_BYTES = 48;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = "0".repeat(32);
const ZERO_SPAN = "0".repeat(16);
const MAX_REQUEST_ID_LENGTH = 128;
const UUID_GROUP_BYTES = [4, 2, 2, 2, 6] as const;

/**
 * The ids of one request: W3C Trace Context Level 1 and `x-request-id`. Kept as bytes; text is made
 * only for the header on the way out and for the spans that are really recorded.
 */
export class TraceContext {
  isSampled = false;
  hasParent = false;
  readonly #ids = Buffer.allocUnsafeSlow(ID_BYTES);
  #requestId: string | undefined;

  /**
   * Continues the caller's trace, or starts one. `decide` says whether a trace that is started here is
   * sampled. A malformed `traceparent` counts as none (W3C §3.2.2.3): then `tracestate` must go too.
   */
  begin(
    traceparent: string | undefined,
    requestId: string | undefined,
    decide: () => boolean,
  ): void {
    if (poolAt + ID_BYTES > pool.length) {
      randomFillSync(pool);
      poolAt = 0;
    }
    pool.copy(this.#ids, 0, poolAt, poolAt + ID_BYTES);
    poolAt += ID_BYTES;
    const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
    this.hasParent = match !== null && this.#adopt(match);
    if (!this.hasParent) this.isSampled = decide();
    this.#requestId =
      requestId !== undefined && requestId !== "" && requestId.length <= MAX_REQUEST_ID_LENGTH
        ? requestId
        : undefined;
  }

  #adopt(match: RegExpExecArray): boolean {
    const [, version, trace = "", span = "", flags = "", rest] = match;
    if (version === "ff" || (version === "00" && rest !== undefined)) return false;
    if (trace === ZERO_TRACE || span === ZERO_SPAN) return false;
    this.#ids.write(trace, TRACE_AT, "hex");
    this.#ids.write(span, PARENT_AT, "hex");
    this.isSampled = (Number.parseInt(flags, 16) & 1) === 1;
    return true;
  }

  get traceId(): string {
    return this.#ids.toString("hex", TRACE_AT, SPAN_AT);
  }

  get spanId(): string {
    return this.#ids.toString("hex", SPAN_AT, PARENT_AT);
  }

  get parentSpanId(): string | undefined {
    return this.hasParent ? this.#ids.toString("hex", PARENT_AT, REQUEST_AT) : undefined;
  }

  /** The caller's id, or a UUID version 4 made here. */
  get requestId(): string {
    if (this.#requestId === undefined) {
      this.#markVersion4();
      const hex = this.#ids.toString("hex", REQUEST_AT, ID_BYTES);
      this.#requestId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    }
    return this.#requestId;
  }

  /** RFC 9562 §5.4: the version and variant bits of a random UUID. */
  #markVersion4(): void {
    const ids = this.#ids;
    ids[REQUEST_AT + 6] = ((ids[REQUEST_AT + 6] as number) & 0x0f) | 0x40;
    ids[REQUEST_AT + 8] = ((ids[REQUEST_AT + 8] as number) & 0x3f) | 0x80;
  }

  /**
   * Writes `traceparent` with this hop's span as the parent of the next, and `x-request-id`. A copy of
   * the request is never sampled (`isReal` false).
   */
  write(out: OutBuffer, isReal = true): void {
    out.text("traceparent: 00-");
    out.hex(this.#ids, TRACE_AT, SPAN_AT);
    out.text("-");
    out.hex(this.#ids, SPAN_AT, PARENT_AT);
    out.text(this.isSampled && isReal ? "-01\r\nx-request-id: " : "-00\r\nx-request-id: ");
    if (this.#requestId === undefined) this.#writeRequestId(out);
    else out.text(this.#requestId);
    out.text("\r\n");
  }

  #writeRequestId(out: OutBuffer): void {
    this.#markVersion4();
    let from = REQUEST_AT;
    for (const size of UUID_GROUP_BYTES) {
      if (from > REQUEST_AT) out.text("-");
      out.hex(this.#ids, from, from + size);
      from += size;
    }
  }
}
