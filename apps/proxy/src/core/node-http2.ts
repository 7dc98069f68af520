import type http2 from "node:http2";

/**
 * Node's HTTP/2, loaded with the first connection that speaks it: 1 MiB, and most sidecars carry none
 * (decision 149). Ask for it per connection, never per request.
 */
export function nodeHttp2(): typeof http2 {
  return process.getBuiltinModule("node:http2");
}

/** Error codes of RFC 9113 §7, as far as they are sent or told apart here. */
export const HTTP2_CODE = Object.freeze({
  noError: 0,
  protocolError: 1,
  internalError: 2,
  refusedStream: 7,
  cancel: 8,
});

/** Of HEADERS: nothing comes behind it (RFC 9113 §6.2). */
export const END_STREAM = 1;
