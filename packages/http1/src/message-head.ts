import { FieldBlock } from "./field-block.ts";
import { FIELD, type FieldNames } from "./field-names.ts";
import { Http1Error } from "./http1-error.ts";
import type { Http1Limits } from "./limits.ts";

/** How a message's body ends. `tunnel`: no HTTP follows (CONNECT accepted, 101). */
export type BodyKind = "none" | "length" | "chunked" | "until-close" | "tunnel";

/**
 * Fields that are for the last recipient alone: a `Connection` that nominates one of them asks a proxy to
 * change what the message means (RFC 9110 §7.6.1 forbids it to senders).
 */
const END_TO_END: ReadonlySet<string> = new Set([
  ..."host content-length transfer-encoding content-type content-encoding content-range".split(" "),
  ..."authorization cookie set-cookie cache-control expect date location".split(" "),
]);

const NO_BYTES = Buffer.alloc(0);
const KEEP_ALIVE = Buffer.from("keep-alive");
const CLOSE = Buffer.from("close");
const FIRST_BUFFER_BYTES = 1_024;
/** More than this is given back between messages. */
const MAX_IDLE_BYTES = 4_096;

/**
 * What requests and responses share: incremental feeding, the fields, and the framing they declare.
 * A parser is its own result: read its fields after `parse` has returned a position, until `reset`.
 */
export abstract class MessageHead {
  readonly fields: FieldBlock;
  /** 0 or 1, of HTTP/1.x. */
  minorVersion = 1;
  body: BodyKind = "none";
  /** Bytes of a body of kind `length`; 0 for every other kind. */
  contentLength = 0;
  /** Whether the sender lets the connection serve another message after this one. */
  keepAlive = true;
  /** Whether `Connection` nominates `upgrade` and an `Upgrade` field names a protocol. */
  isUpgrade = false;
  /** Whether the sender says that it reads trailers: `TE: trailers`, nominated by `Connection`. */
  acceptsTrailers = false;
  readonly #limits: Http1Limits;
  /** Memory for a head that came in several reads (then `#keptBytes` > 0) or was detached. */
  #kept: Buffer = NO_BYTES;
  #keptBytes = 0;

  constructor(names: FieldNames, limits: Http1Limits) {
    this.fields = new FieldBlock(names, limits);
    this.#limits = limits;
  }

  protected get limits(): Http1Limits {
    return this.#limits;
  }

  /** Whether some bytes of a head have arrived and more must. */
  get isPartial(): boolean {
    return this.#keptBytes > 0;
  }

  protected resetHead(): void {
    this.minorVersion = 1;
    this.body = "none";
    this.contentLength = 0;
    this.keepAlive = true;
    this.isUpgrade = false;
    this.acceptsTrailers = false;
    this.#keptBytes = 0;
    if (this.#kept.length > MAX_IDLE_BYTES) this.#kept = NO_BYTES;
  }

  /**
   * Reads a head from `bytes[start, end)`. Returns the position after it, or -1 when all was taken and
   * more is needed. Where one read holds the whole head nothing is copied. Throws `Http1Error`.
   */
  parse(bytes: Buffer, start: number, end: number): number {
    if (this.#keptBytes === 0) {
      const next = this.scan(bytes, start, start, end);
      if (next < 0) this.#keep(bytes, start, end);
      return next;
    }
    const before = this.#keptBytes;
    const room = this.#limits.maxHeadBytes + 1 - before;
    this.#keep(bytes, start, Math.min(end, start + room));
    const next = this.scan(this.#kept, 0, before, this.#keptBytes);
    return next < 0 ? -1 : start + next - before;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#keptBytes + end - start;
    if (needed > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(needed, FIRST_BUFFER_BYTES, this.#kept.length * 2),
      );
      this.#kept.copy(grown, 0, 0, this.#keptBytes);
      this.#kept = grown;
    }
    bytes.copy(this.#kept, this.#keptBytes, start, end);
    this.#keptBytes = needed;
  }

  /**
   * Copies the head's bytes, so that it stays readable after the buffer it came in is used again. The
   * copy goes into memory the parser keeps for its next heads.
   */
  detach(headEnd: number): void {
    const { fields } = this;
    if (this.#keptBytes > 0) return;
    const size = headEnd - fields.base;
    if (size > this.#kept.length) {
      this.#kept = Buffer.allocUnsafeSlow(Math.max(size, FIRST_BUFFER_BYTES));
    }
    fields.bytes.copy(this.#kept, 0, fields.base, headEnd);
    fields.bytes = this.#kept;
    fields.base = 0;
  }

  /** Reads `bytes` as a whole head in the place of the last one; they stay with the parser. */
  protected readAnew(bytes: Buffer): void {
    this.#kept = bytes;
    this.#keptBytes = bytes.length;
    if (this.scan(bytes, 0, 0, bytes.length) === bytes.length) return;
    throw new Http1Error(
      "LINE_END",
      "a head that was written anew does not end where its bytes end",
    );
  }

  /** Continues at `from` with the head's first byte at `base`; the same contract as `FieldBlock.scan`. */
  protected abstract scan(bytes: Buffer, base: number, from: number, end: number): number;

  /** Applies `Connection`: keep-alive, upgrade, and the fields it nominates, which end at this hop. */
  protected readConnection(): void {
    const { fields } = this;
    let saysClose = false;
    let saysKeepAlive = false;
    let options: Set<string> | undefined;
    for (let index = 0; index < fields.count; index++) {
      if (fields.ids[index] !== FIELD.connection) continue;
      // One of these two alone is what nearly every message says.
      if (fields.isValue(index, KEEP_ALIVE)) saysKeepAlive = true;
      else if (fields.isValue(index, CLOSE)) saysClose = true;
      else {
        options ??= new Set();
        for (const part of fields.valueAt(index).split(",")) options.add(part.trim().toLowerCase());
      }
    }
    if (options !== undefined) {
      saysClose ||= options.has("close");
      saysKeepAlive ||= options.has("keep-alive");
      this.#applyOptions(options);
    }
    this.keepAlive = !saysClose && (this.minorVersion === 1 || saysKeepAlive);
  }

  /** One look at each field, however many options there are: the work stays linear in the bytes. */
  #applyOptions(options: ReadonlySet<string>): void {
    const { fields } = this;
    if (this.minorVersion === 1) {
      this.isUpgrade = options.has("upgrade") && fields.indexOfId(FIELD.upgrade) >= 0;
      this.acceptsTrailers = options.has("te") && hasTrailers(fields.findById(FIELD.te));
    }
    for (let index = 0; index < fields.count; index++) {
      const id = fields.ids[index] as number;
      if (id === FIELD.connection || id === FIELD.upgrade || id === FIELD.te) continue;
      const name = fields.nameAt(index).toLowerCase();
      if (!options.has(name)) continue;
      if (END_TO_END.has(name)) {
        throw new Http1Error("CONNECTION", `Connection nominates "${name}", which ends no hop`);
      }
      fields.ids[index] = FIELD.dropped;
    }
  }

  /** How the fields frame the body: what `FieldBlock` found, and the coding must be one we know. */
  protected readFraming(): "absent" | "length" | "chunked" {
    const { fields } = this;
    if (fields.isCoded) {
      if (this.minorVersion === 0) {
        throw new Http1Error(
          "TRANSFER_ENCODING",
          "Transfer-Encoding stands in an HTTP/1.0 message",
        );
      }
      if (fields.findById(FIELD.transferEncoding)?.toLowerCase() !== "chunked") {
        throw new Http1Error("TRANSFER_ENCODING", "the transfer coding is not exactly `chunked`");
      }
      return "chunked";
    }
    if (fields.contentLength === undefined) return "absent";
    this.contentLength = fields.contentLength;
    return "length";
  }
}

/** Whether a TE lists `trailers`, whatever codings stand beside it (RFC 9110 §10.1.4). */
function hasTrailers(te: string | undefined): boolean {
  return te?.split(",").some((part) => part.trim().toLowerCase() === "trailers") === true;
}
