import { stableHash } from "./stable-hash.ts";
import type { HashKey } from "./traffic-policy.ts";

/** What of a request consistent hashing may look at; read only when a policy asks. */
export interface HashFacts {
  /** Value of a header by its lower-case name, repeated ones joined by `,`; `undefined`: not there. */
  header(name: string): string | undefined;
  /** Behind the `?`, without it, as it was sent; empty: none. */
  readonly query: string;
  /** The caller's address without port. */
  readonly sourceAddress: string;
}

/** The hash of a request's key, for `Balancer.pick`; `undefined`: the request has none and may go anywhere. */
export function hashRequest(key: HashKey, facts: HashFacts): number | undefined {
  const value = findHashValue(key, facts);
  return value === undefined ? undefined : stableHash(value);
}

/** A cookie for a request that has none: the value's hash and the `set-cookie` line for its answer. */
export type HashCookie = { readonly hash: number; readonly setCookie: string };

/**
 * The cookie that keeps a caller at its endpoint from now on, made of two draws in [0, 1).
 * `undefined`: this key makes none (no cookie, or one without a time to live, as in Istio).
 */
export function makeHashCookie(
  key: HashKey,
  firstDraw: number,
  secondDraw: number,
): HashCookie | undefined {
  if (key.kind !== "cookie" || key.ttlSeconds === undefined) return undefined;
  const value = hex32(firstDraw) + hex32(secondDraw);
  const parts = [`${key.name}=${value}`];
  if (key.ttlSeconds > 0) parts.push(`Max-Age=${Math.ceil(key.ttlSeconds)}`);
  if (key.path !== undefined && key.path !== "") parts.push(`Path=${key.path}`);
  for (const { name, value } of key.attributes ?? []) {
    parts.push(value === undefined || value === "" ? name : `${name}=${value}`);
  }
  if (!key.attributes?.some(({ name }) => name.toLowerCase() === "httponly"))
    parts.push("HttpOnly");
  return { hash: stableHash(value), setCookie: parts.join("; ") };
}

function findHashValue(key: HashKey, facts: HashFacts): string | undefined {
  switch (key.kind) {
    case "header":
      return facts.header(key.name.toLowerCase());
    case "cookie": {
      const header = facts.header("cookie");
      return header === undefined ? undefined : findCookie(header, key.name);
    }
    case "query":
      return findQueryValue(facts.query, key.name);
    default: // "source-ip"
      return facts.sourceAddress;
  }
}

/** The first cookie of that name, without the quotes RFC 6265 allows around it; empty counts as none. */
function findCookie(header: string, name: string): string | undefined {
  // Repeated Cookie fields (HTTP/2 splits them) arrive joined by commas.
  for (let start = 0; start < header.length; ) {
    let end = start;
    while (end < header.length && header[end] !== ";" && header[end] !== ",") end++;
    while (header[start] === " ") start++;
    if (header.startsWith(name, start) && header[start + name.length] === "=") {
      const value = header.slice(start + name.length + 1, end).trim();
      const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
      const bare = isQuoted ? value.slice(1, -1) : value;
      return bare === "" ? undefined : bare;
    }
    start = end + 1;
  }
  return undefined;
}

/** The first value of a parameter as it was sent, not decoded: every proxy hashes the same bytes. */
function findQueryValue(query: string, name: string): string | undefined {
  for (let start = 0; start < query.length; ) {
    const next = query.indexOf("&", start);
    const end = next === -1 ? query.length : next;
    if (query.startsWith(name, start)) {
      const after = start + name.length;
      if (after === end) return "";
      if (query[after] === "=") return query.slice(after + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

function hex32(draw: number): string {
  return Math.floor(draw * 0x1_0000_0000)
    .toString(16)
    .padStart(8, "0");
}
