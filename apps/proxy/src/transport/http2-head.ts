import {
  BodyReader,
  FIELD,
  type FieldBlock,
  type FieldMask,
  fieldMask,
  Http1Error,
  type Http1Limits,
  type RequestParser,
  type ResponseParser,
} from "@heddle/http1";
import { fieldNames, TRAILER_MASK } from "./proxy-fields.ts";

/** Names and values in turn, as `node:http2` takes and gives them. */
export type RawHeaders = readonly string[];

/** What `node:http2` has checked already would not pass here either; what it has not must not. */
const UNSAFE = /[\r\n\0]/;
const NO_BODY_BY_HABIT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "DELETE",
  "OPTIONS",
  "TRACE",
]);

/**
 * An HTTP/2 request's head as HTTP/1.1 text, so that one strict parser interprets both (RFC 9113 §8.2,
 * §8.3). `hasBody`: more frames follow. Throws `Http1Error` for what has no such text.
 */
export function requestText(raw: RawHeaders, hasBody: boolean): string {
  const pseudo = new Map<string, string>();
  let cookie = "";
  let fields = "";
  let host: string | undefined;
  let hasLength = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    if (UNSAFE.test(value))
      throw new Http1Error("FIELD_VALUE", `${name} holds a control character`);
    if (name.startsWith(":")) pseudo.set(name, value);
    else if (name === "host") host = value;
    else if (name === "cookie") cookie += cookie === "" ? value : `; ${value}`;
    else if (name === "te")
      fields += value === "trailers" ? "te: trailers\r\nconnection: te\r\n" : "";
    else {
      hasLength ||= name === "content-length";
      fields += `${name}: ${value}\r\n`;
    }
  }
  const method = pseudo.get(":method") ?? "";
  const path = pseudo.get(":path") ?? "";
  if (method === "CONNECT") {
    throw new Http1Error("METHOD", "CONNECT is served over HTTP/1.1, not over HTTP/2");
  }
  if (!path.startsWith("/") && path !== "*") {
    throw new Http1Error("TARGET", `:path "${path.slice(0, 100)}" is neither a path nor *`);
  }
  const authority = pseudo.get(":authority") ?? host ?? "";
  if (host !== undefined && host !== authority) {
    throw new Http1Error("HOST", `Host "${host.slice(0, 100)}" is not :authority`);
  }
  let framing = "";
  if (hasBody && !hasLength) framing = "transfer-encoding: chunked\r\n";
  else if (!hasBody && !hasLength && !NO_BODY_BY_HABIT.has(method))
    framing = "content-length: 0\r\n";
  const cookies = cookie === "" ? "" : `cookie: ${cookie}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields}${cookies}${framing}\r\n`;
}

/** The same for a response's head, informational ones too. */
export function responseText(raw: RawHeaders, hasBody: boolean, method: string): string {
  let status = "";
  let fields = "";
  let hasLength = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    if (UNSAFE.test(value))
      throw new Http1Error("FIELD_VALUE", `${name} holds a control character`);
    if (name === ":status") status = value;
    else if (!name.startsWith(":")) {
      hasLength ||= name === "content-length";
      fields += `${name}: ${value}\r\n`;
    }
  }
  const mayHaveBody = method !== "HEAD" && !/^(1..|204|304)$/.test(status);
  let framing = "";
  if (hasBody && !hasLength && mayHaveBody) framing = "transfer-encoding: chunked\r\n";
  else if (!hasBody && !hasLength && mayHaveBody) framing = "content-length: 0\r\n";
  return `HTTP/1.1 ${status} \r\n${fields}${framing}\r\n`;
}

/** What ends at this hop has no place in HTTP/2, or is written otherwise there (RFC 9113 §8.2.2). */
const HEAD_MASK = fieldMask([FIELD.host], { isHopByHop: true });

/** A request's head for `node:http2`. */
export function requestHeaders(request: RequestParser): string[] {
  const headers = [
    ...[":method", request.method, ":scheme", "http"],
    ...[":authority", request.authority ?? "", ":path", request.path],
  ];
  if (request.acceptsTrailers) headers.push("te", "trailers");
  return append(headers, request.fields, HEAD_MASK);
}

/**
 * A response's head for `node:http2`, which sends no status above 599: there is none, and who meets one
 * takes it for a server's failure (RFC 9110 §15).
 */
export function responseHeaders({ status, fields }: ResponseParser): string[] {
  return append([":status", status > 599 ? "502" : String(status)], fields, HEAD_MASK);
}

/** Trailers for `node:http2`; none: an empty list. */
export function trailerHeaders(trailers: FieldBlock | undefined): Record<string, string[]> {
  // Without a prototype: a peer may name a trailer `constructor`.
  const headers: Record<string, string[]> = Object.create(null);
  if (trailers === undefined) return headers;
  for (let index = 0; index < trailers.count; index++) {
    if (TRAILER_MASK[trailers.ids[index] as number] === 1) continue;
    const name = trailers.nameAt(index).toLowerCase();
    headers[name] = [...(headers[name] ?? []), trailers.valueAt(index)];
  }
  return headers;
}

function append(headers: string[], fields: FieldBlock, mask: FieldMask): string[] {
  for (let index = 0; index < fields.count; index++) {
    if (mask[fields.ids[index] as number] === 1) continue;
    headers.push(fields.nameAt(index).toLowerCase(), fields.valueAt(index));
  }
  return headers;
}

/** Reads trailers as those of a chunked body, so that the same rules hold. Throws `Http1Error`. */
export function readTrailers(raw: RawHeaders, limits: Http1Limits): FieldBlock | undefined {
  let text = "0\r\n";
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const value = raw[index + 1] as string;
    if (UNSAFE.test(value))
      throw new Http1Error("FIELD_VALUE", "a trailer holds a control character");
    text += `${raw[index]}: ${value}\r\n`;
  }
  const bytes = Buffer.from(`${text}\r\n`, "latin1");
  const reader = new BodyReader(fieldNames, limits);
  reader.reset("chunked", 0);
  reader.read(bytes, 0, bytes.length, { onBody() {} });
  return reader.trailers;
}
