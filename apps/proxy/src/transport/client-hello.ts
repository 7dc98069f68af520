/** What a TLS client says before anything is encrypted. */
export type ClientHello = {
  /** The host of the SNI extension in lower case; `undefined`: it names none. */
  readonly serverName: string | undefined;
  /** Protocols of the ALPN extension in the client's order; empty: it offers none. */
  readonly protocols: readonly string[];
};

/** A hello, with its records' headers, is at most this long; TLS itself would allow 16 MiB. */
export const MAX_CLIENT_HELLO_BYTES = 16_384;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const MAX_RECORD_BYTES = 16_384;
const RANDOM_BYTES = 32;
const MAX_SESSION_ID_BYTES = 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const ALPN = 16;
const MAX_NAME_BYTES = 255;
/** Letters, digits, hyphens, underscores, dots between labels; no final dot (RFC 6066 §3). */
const NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/**
 * Reads a ClientHello (RFC 8446 §4.1.2) that begins at `start`, whole or spread over several records.
 * "more": so far it is one, call again with all bytes once there are more. "not TLS": it is none, or
 * one that is malformed or too long.
 */
export function readClientHello(
  bytes: Uint8Array,
  start: number,
  end: number,
): ClientHello | "more" | "not TLS" {
  const gathered = gatherMessage(bytes, start, Math.min(end, start + MAX_CLIENT_HELLO_BYTES));
  if (gathered === "more" && end - start >= MAX_CLIENT_HELLO_BYTES) return "not TLS";
  if (typeof gathered === "string") return gathered;
  const reader = new Reader(gathered, 0, gathered.length);
  const hello = readMessage(reader);
  return hello === undefined || reader.isBroken ? "not TLS" : hello;
}

/** The message's body, taken out of its records. */
function gatherMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array | "more" | "not TLS" {
  const parts: Uint8Array[] = [];
  const header = new Uint8Array(MESSAGE_HEADER_BYTES);
  let gathered = 0;
  for (let at = start; ; ) {
    const fault = findRecordFault(bytes, at, end);
    if (fault !== undefined) return fault;
    const from = at + RECORD_HEADER_BYTES;
    at = from + pair(bytes, at + 3);
    const part = bytes.subarray(from, Math.min(at, end));
    if (gathered < MESSAGE_HEADER_BYTES) {
      header.set(part.subarray(0, MESSAGE_HEADER_BYTES - gathered), gathered);
    }
    parts.push(part);
    gathered += part.length;
    const size = messageSize(header.subarray(0, Math.min(gathered, MESSAGE_HEADER_BYTES)));
    if (size === "not TLS") return size;
    if (size !== "more" && gathered >= size) {
      // A client sends nothing behind its hello until it is answered; early data has a record of its own.
      if (gathered > size) return "not TLS";
      const whole = parts.length === 1 ? part : Buffer.concat(parts);
      return whole.subarray(MESSAGE_HEADER_BYTES);
    }
    if (at > end) return "more";
  }
}

/** `undefined`: a record header stands at `at`, whole and good. */
function findRecordFault(
  bytes: Uint8Array,
  at: number,
  end: number,
): "more" | "not TLS" | undefined {
  if (at < end && bytes[at] !== HANDSHAKE) return "not TLS";
  if (at + 1 < end && bytes[at + 1] !== 3) return "not TLS";
  if (at + 2 < end && (bytes[at + 2] as number) > 4) return "not TLS";
  if (at + RECORD_HEADER_BYTES > end) return "more";
  const length = pair(bytes, at + 3);
  return length === 0 || length > MAX_RECORD_BYTES ? "not TLS" : undefined;
}

/** Bytes of the handshake message with its header. */
function messageSize(bytes: Uint8Array): number | "more" | "not TLS" {
  if (bytes.length > 0 && bytes[0] !== CLIENT_HELLO) return "not TLS";
  if (bytes.length < MESSAGE_HEADER_BYTES) return "more";
  const size = ((bytes[1] as number) << 16) | pair(bytes, 2);
  return size > MAX_CLIENT_HELLO_BYTES ? "not TLS" : size + MESSAGE_HEADER_BYTES;
}

function readMessage(reader: Reader): ClientHello | undefined {
  const version = reader.number(2);
  if (version < 0x0301 || version > 0x0303) return undefined;
  reader.skip(RANDOM_BYTES);
  if (reader.vector(1).length > MAX_SESSION_ID_BYTES) return undefined;
  const suites = reader.vector(2);
  if (suites.length < 2 || suites.length % 2 !== 0) return undefined;
  if (reader.vector(1).length === 0) return undefined;
  if (reader.isBroken) return undefined;
  // A hello of TLS 1.0 to 1.2 may end here (RFC 5246 §7.4.1.2).
  if (reader.isAtEnd) return { serverName: undefined, protocols: [] };
  const extensions = reader.vector(2);
  return reader.isAtEnd ? readExtensions(extensions) : undefined;
}

function readExtensions(extensions: Reader): ClientHello | undefined {
  let serverName: string | undefined;
  let protocols: string[] | undefined;
  const seen = new Set<number>();
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (extensions.isBroken || seen.has(type)) return undefined;
    seen.add(type);
    if (type === SERVER_NAME) {
      serverName = readServerName(content);
      if (serverName === undefined) return undefined;
    } else if (type === ALPN) {
      protocols = readProtocols(content);
      if (protocols === undefined) return undefined;
    }
  }
  return { serverName, protocols: protocols ?? [] };
}

/** RFC 6066 §3: a list in which each type of name stands once, and there is but one type. */
function readServerName(content: Reader): string | undefined {
  const list = content.vector(2);
  const type = list.number(1);
  const name = list.vector(2);
  const isWhole = list.isAtEnd && content.isAtEnd && !list.isBroken && !content.isBroken;
  if (!isWhole || type !== HOST_NAME || name.length > MAX_NAME_BYTES) return undefined;
  const text = name.text().toLowerCase();
  return NAME.test(text) ? text : undefined;
}

/** RFC 7301 §3.1. */
function readProtocols(content: Reader): string[] | undefined {
  const list = content.vector(2);
  const protocols: string[] = [];
  while (!list.isAtEnd) {
    const name = list.vector(1);
    if (list.isBroken || name.length === 0) return undefined;
    protocols.push(name.text());
  }
  return protocols.length > 0 && content.isAtEnd && !content.isBroken ? protocols : undefined;
}

/** Takes numbers and vectors off some bytes; reading past the end breaks it, and it then stands at its end. */
class Reader {
  isBroken = false;
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  get length(): number {
    return this.#end - this.#at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  number(size: 1 | 2): number {
    const at = this.#take(size);
    if (this.isBroken) return 0;
    return size === 1 ? (this.#bytes[at] as number) : pair(this.#bytes, at);
  }

  /** What stands behind a length of `size` bytes. */
  vector(size: 1 | 2): Reader {
    const length = this.number(size);
    const at = this.#take(length);
    return new Reader(this.#bytes, at, this.isBroken ? at : at + length);
  }

  text(): string {
    return Buffer.from(this.#bytes.subarray(this.#at, this.#end)).toString("latin1");
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#end) {
      this.isBroken = true;
      this.#at = this.#end;
      return this.#end;
    }
    this.#at = at + count;
    return at;
  }
}

function pair(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
