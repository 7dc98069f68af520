import { CR, HOST, LF, SP, TARGET, TOKEN } from "./characters.ts";
import { byteName } from "./field-block.ts";
import { FIELD, type FieldNames } from "./field-names.ts";
import { Http1Error } from "./http1-error.ts";
import { latin1 } from "./latin1.ts";
import { DEFAULT_LIMITS, type Http1Limits } from "./limits.ts";
import { MessageHead } from "./message-head.ts";
import { findMethod, MAX_METHOD_BYTES } from "./methods.ts";

/** The four forms of a request target (RFC 9112 §3.2). */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

const START = 0;
const EMPTY_LINE_FEED = 1;
const METHOD = 2;
const TARGET_START = 3;
const TARGET_BYTES = 4;
const VERSION = 5;
const LINE_FEED = 6;
const FIELDS = 7;

const VERSION_BYTES = Buffer.from("HTTP/1.");
const NO_BYTES = new Uint8Array();
const MAX_KEPT_HOST_BYTES = 64;

/**
 * Reads one request head after another, strictly (RFC 9112 §3). One empty line before the request line
 * is skipped, as §2.2 asks. Call `reset` before each further head.
 */
export class RequestParser extends MessageHead {
  method = "GET";
  /** The request target as it was sent. */
  target = "/";
  form: TargetForm = "origin";
  /**
   * `host[:port]` the request names: from an absolute or authority target, else from Host. `undefined`:
   * it names none (HTTP/1.0 without Host, or an empty Host).
   */
  authority: string | undefined;
  /** Path and query; `*` for the asterisk form, empty for the authority form. */
  path = "/";
  /** Whether the client waits for 100 before it sends the body. */
  expectsContinue = false;

  /**
   * The last Host that was found good: a connection's requests mostly name one host, and making and
   * checking the string again costs a fifth of reading a head (`npm run bench -- http1`).
   */
  #lastHost = "";
  #lastHostBytes: Uint8Array = NO_BYTES;
  #state = START;
  #lineStart = 0;
  #tokenStart = 0;
  #targetEnd = 0;
  #versionAt = 0;

  constructor(names: FieldNames, limits: Http1Limits = DEFAULT_LIMITS) {
    super(names, limits);
  }

  /** Makes ready for the next request on the connection. */
  reset(): void {
    this.resetHead();
    this.authority = undefined;
    this.expectsContinue = false;
    this.#state = START;
    this.#lineStart = 0;
    this.#versionAt = 0;
  }

  /**
   * Takes a whole head in the place of the one that was read: whoever changes a request writes it anew,
   * and it is interpreted as strictly. `bytes` stay with the parser. Throws `Http1Error`; what the
   * parser holds then is of no use.
   */
  replace(bytes: Buffer): void {
    this.reset();
    this.readAnew(bytes);
  }

  protected scan(bytes: Buffer, base: number, from: number, end: number): number {
    let at = from;
    if (this.#state !== FIELDS) {
      at = this.#scanLine(bytes, base, from, end);
      if (at < 0) return -1;
      this.#state = FIELDS;
      this.fields.reset(at - base);
    }
    const next = this.fields.scan(bytes, base, at, end);
    if (next >= 0) this.#finish(bytes, base);
    return next;
  }

  #scanLine(bytes: Buffer, base: number, from: number, end: number): number {
    const { maxLineBytes, maxHeadBytes } = this.limits;
    const stop = Math.min(end, base + this.#lineStart + Math.min(maxLineBytes, maxHeadBytes));
    let at = from;
    let state = this.#state;
    for (;;) {
      if (at >= stop) {
        if (stop < end) {
          throw new Http1Error("START_LINE_TOO_LONG", "the request line is too long", maxLineBytes);
        }
        this.#state = state;
        return -1;
      }
      const byte = bytes[at] as number;
      switch (state) {
        case START: {
          if (byte === CR && this.#lineStart === 0) state = EMPTY_LINE_FEED;
          else if (TOKEN[byte] === 1) {
            this.#tokenStart = at - base;
            state = METHOD;
          } else throw new Http1Error("METHOD", `a request starts with ${byteName(byte)}`);
          at++;
          break;
        }
        case EMPTY_LINE_FEED: {
          if (byte !== LF)
            throw new Http1Error("LINE_END", "a CR without LF before the request line");
          at++;
          this.#lineStart = 2;
          state = START;
          break;
        }
        case METHOD: {
          while (at < stop && TOKEN[bytes[at] as number] === 1) at++;
          const start = base + this.#tokenStart;
          if (at - start > MAX_METHOD_BYTES) {
            throw new Http1Error("METHOD", "the method is too long", MAX_METHOD_BYTES);
          }
          if (at >= stop) break;
          const method = bytes[at] === SP ? findMethod(bytes, start, at) : undefined;
          if (method === undefined) {
            const shown = latin1(bytes, start, at);
            throw new Http1Error("METHOD", `"${shown}" is not a method followed by one space`);
          }
          this.method = method;
          at++;
          state = TARGET_START;
          break;
        }
        case TARGET_START: {
          if (TARGET[byte] === 0) throw targetFault(byte);
          this.#tokenStart = at - base;
          state = TARGET_BYTES;
          break;
        }
        case TARGET_BYTES: {
          while (at < stop && TARGET[bytes[at] as number] === 1) at++;
          if (at >= stop) break;
          if (bytes[at] !== SP) throw targetFault(bytes[at] as number);
          this.#targetEnd = at - base;
          at++;
          state = VERSION;
          break;
        }
        case VERSION: {
          at = this.#scanVersion(bytes, at, stop);
          if (this.#versionAt === VERSION_BYTES.length + 2) state = LINE_FEED;
          break;
        }
        default: {
          if (byte !== LF)
            throw new Http1Error("LINE_END", "a CR without LF ends the request line");
          return at + 1;
        }
      }
    }
  }

  /** `HTTP/1.`, the minor digit, CR. */
  #scanVersion(bytes: Buffer, from: number, stop: number): number {
    let at = from;
    for (; at < stop && this.#versionAt < VERSION_BYTES.length + 2; at++, this.#versionAt++) {
      const byte = bytes[at] as number;
      const place = this.#versionAt;
      if (place < VERSION_BYTES.length) {
        if (byte !== VERSION_BYTES[place]) throw versionFault();
      } else if (place === VERSION_BYTES.length) {
        if (byte !== 0x30 && byte !== 0x31) throw versionFault();
        this.minorVersion = byte - 0x30;
      } else if (byte !== CR) {
        if (byte === LF) throw new Http1Error("LINE_END", "a bare LF ends the request line");
        throw versionFault();
      }
    }
    return at;
  }

  #finish(bytes: Buffer, base: number): void {
    this.target = latin1(bytes, base + this.#tokenStart, base + this.#targetEnd);
    const framing = this.readFraming();
    this.readConnection();
    this.#readTarget();
    this.#readHost();
    if (this.method === "CONNECT" && framing !== "absent") {
      throw new Http1Error("TARGET", "a CONNECT request declares a body");
    }
    this.body =
      framing === "chunked"
        ? "chunked"
        : this.contentLength > 0
          ? "length"
          : this.method === "CONNECT"
            ? "tunnel"
            : "none";
    const expect = this.fields.findById(FIELD.expect);
    this.expectsContinue =
      expect !== undefined && this.minorVersion === 1 && expect.toLowerCase() === "100-continue";
  }

  #readTarget(): void {
    const { target, method } = this;
    if (method === "CONNECT") {
      if (!AUTHORITY_WITH_PORT.test(target)) {
        throw new Http1Error("TARGET", `CONNECT wants host:port, not "${shown(target)}"`);
      }
      this.form = "authority";
      this.authority = target;
      this.path = "";
    } else if (target.charCodeAt(0) === 0x2f) {
      this.form = "origin";
      this.path = target;
    } else if (target === "*") {
      if (method !== "OPTIONS" && method !== "M-SEARCH") {
        throw new Http1Error("TARGET", `the target * belongs to OPTIONS, not to ${method}`);
      }
      this.form = "asterisk";
      this.path = target;
    } else this.#readAbsolute(target);
  }

  #readAbsolute(target: string): void {
    const match = ABSOLUTE.exec(target);
    const authority = match?.[1];
    if (authority === undefined || !isHost(authority)) {
      throw new Http1Error(
        "TARGET",
        `"${shown(target)}" is neither a path nor an http URI without userinfo`,
      );
    }
    this.form = "absolute";
    this.authority = authority;
    const rest = target.slice((match as RegExpExecArray)[0].length);
    this.path = rest === "" ? "/" : rest.charCodeAt(0) === 0x2f ? rest : `/${rest}`;
    if (this.method === "OPTIONS" && rest === "") this.path = "*";
  }

  /** One Host in HTTP/1.1, and no other than an absolute target names (RFC 9112 §3.2). */
  #readHost(): void {
    const { fields } = this;
    const first = fields.indexOfId(FIELD.host);
    if (first < 0) {
      if (this.minorVersion === 1) throw new Http1Error("HOST", "an HTTP/1.1 request has no Host");
      return;
    }
    if (this.form === "origin" && fields.isExactly(first, this.#lastHostBytes)) {
      this.authority = this.#lastHost;
      return;
    }
    const host = fields.valueAt(first);
    if (this.form === "absolute") {
      const { authority = "" } = this;
      if (withoutHttpPort(host) === withoutHttpPort(authority)) return;
      const what = `Host "${shown(host)}" is not the target's "${shown(authority)}"`;
      throw new Http1Error("HOST", what);
    }
    if (host === "") return;
    if (!isHost(host)) throw new Http1Error("HOST", `Host "${shown(host)}" is not host[:port]`);
    this.authority ??= host;
    if (host.length > MAX_KEPT_HOST_BYTES) return;
    this.#lastHost = host;
    this.#lastHostBytes = Buffer.from(host, "latin1");
  }
}

const MAX_SHOWN = 100;
const AUTHORITY_WITH_PORT = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+):[0-9]{1,5}$/;
const ABSOLUTE = /^http:\/\/([^/?]+)/i;
const HOST_AND_PORT = /^(?:\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::[0-9]{0,5})?$/;

function isHost(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (HOST[text.charCodeAt(i)] !== 1) return false;
  return HOST_AND_PORT.test(text);
}

/** What a peer sent, short enough to be told, without passwords before an `@` and without query. */
function shown(text: string): string {
  const told = text.replace(/\?.*$/s, "?…").replace(/(^|\/\/)[^/]*@/, "$1(hidden)@");
  return told.length <= MAX_SHOWN ? told : `${told.slice(0, MAX_SHOWN)}…`;
}

function withoutHttpPort(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80)?$/, "");
}

function targetFault(byte: number): Http1Error {
  return new Http1Error("TARGET", `the request target holds ${byteName(byte)}`);
}

function versionFault(): Http1Error {
  return new Http1Error("VERSION", "the request line does not end in HTTP/1.0 or HTTP/1.1");
}
