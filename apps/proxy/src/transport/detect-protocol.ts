import { type ClientHello, readClientHello } from "./client-hello.ts";

/** What a client's first bytes show it to speak. */
export type Detected =
  | { readonly protocol: "http" | "http2" | "tcp" }
  | { readonly protocol: "tls"; readonly hello: ClientHello };

/** How long a connection whose protocol nobody knows may keep silent: then its server speaks first. */
export const DETECTION_MS = 100;
/** A request line may be this long and still be taken for one. */
const MAX_LINE_BYTES = 16_384;
const MAX_METHOD_BYTES = 32;

const TLS_HANDSHAKE = 0x16;
const CR = 0x0d;
const SP = 0x20;
/** RFC 9113 §3.4. */
const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const VERSION = Buffer.from("HTTP/1.");

const OPAQUE: Detected = { protocol: "tcp" };
const HTTP1: Detected = { protocol: "http" };
const HTTP2: Detected = { protocol: "http2" };

/**
 * What `bytes[start, end)`, the first of a connection, begin: an HTTP/1 request line, the HTTP/2
 * preface, a TLS ClientHello, else something opaque. "more": they may still become one of the three.
 */
export function detectProtocol(bytes: Buffer, start: number, end: number): Detected | "more" {
  if (start >= end) return "more";
  if (bytes[start] === TLS_HANDSHAKE) {
    const hello = readClientHello(bytes, start, end);
    if (hello === "more") return "more";
    return hello === "not TLS" ? OPAQUE : { protocol: "tls", hello };
  }
  const preface = comparePreface(bytes, start, end);
  if (preface === "whole") return HTTP2;
  if (preface === "part") return "more";
  return detectRequestLine(bytes, start, end);
}

/** How far the bytes go along with HTTP/2's preface. */
export function comparePreface(
  bytes: Uint8Array,
  start: number,
  end: number,
): "whole" | "part" | "none" {
  const length = Math.min(end - start, HTTP2_PREFACE.length);
  for (let at = 0; at < length; at++) {
    if (bytes[start + at] !== HTTP2_PREFACE[at]) return "none";
  }
  return length === HTTP2_PREFACE.length ? "whole" : "part";
}

/** `METHOD target HTTP/1.x`: other protocols of lines (SMTP, Redis, memcached) differ before its end. */
function detectRequestLine(bytes: Buffer, start: number, end: number): Detected | "more" {
  let at = start;
  while (at < end && isMethodByte(bytes[at] as number)) at++;
  if (at - start > MAX_METHOD_BYTES) return OPAQUE;
  if (at === end) return "more";
  if (at === start || bytes[at] !== SP) return OPAQUE;
  const targetAt = at + 1;
  at = targetAt;
  while (at < end && isTargetByte(bytes[at] as number)) at++;
  if (at === end) return end - start > MAX_LINE_BYTES ? OPAQUE : "more";
  if (at === targetAt || bytes[at] !== SP) return OPAQUE;
  for (const expected of VERSION) {
    at++;
    if (at === end) return "more";
    if (bytes[at] !== expected) return OPAQUE;
  }
  if (at + 2 >= end) return "more";
  const minor = bytes[at + 1];
  return (minor === 0x30 || minor === 0x31) && bytes[at + 2] === CR ? HTTP1 : OPAQUE;
}

/** Methods in use are letters and, rarely, hyphens; what is declared HTTP never comes through here. */
function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2d;
}

function isTargetByte(byte: number): boolean {
  return byte > SP && byte < 0x7f;
}
