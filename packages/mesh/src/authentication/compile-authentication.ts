import { findQueryParameter } from "../routing/query-parameter.ts";
import type { JwtRule, RequestAuthentication } from "./request-authentication.ts";

/** Where a token stood, so that it can be taken away. */
export type TokenPlace = {
  readonly kind: "header" | "param" | "cookie";
  /** Of a header in lower case. */
  readonly name: string;
};
export type FoundToken = { readonly token: string; readonly place: TokenPlace };

/** What looking for tokens reads of a request. */
export interface TokenFacts {
  /** All values of this lower-case name, one a field line. */
  headerValues(name: string): readonly string[];
  /** Without the question mark; `undefined`: there is none. */
  readonly query: string | undefined;
}

/** One rule, with the names in it ready to be looked for. */
export type CompiledJwtRule = {
  readonly rule: JwtRule;
  /** `namespace/name` of its document and its place there, from 0: `shop/logins rule 0`. */
  readonly name: string;
  readonly headers: readonly { readonly place: TokenPlace; readonly prefix: string }[];
  readonly params: readonly TokenPlace[];
  readonly cookies: readonly TokenPlace[];
  readonly claimHeaders: readonly { readonly header: string; readonly path: readonly string[] }[];
};

/** All rules that hold for a workload, of one or several documents. */
export type CompiledAuthentication = {
  readonly rules: readonly CompiledJwtRule[];
  /** Headers that verified tokens fill, in lower case: from a caller they are not believed. */
  readonly ownHeaders: ReadonlySet<string>;
};

const BEARER = [{ name: "authorization", prefix: "Bearer " }];
const ACCESS_TOKEN = ["access_token"];
/** What a token is made of: base64url and dots. */
const TOKEN_START = /[A-Za-z0-9_.-]/;

/** Prepares the rules of the documents that hold for a workload, in their order. */
export function compileAuthentication(
  documents: readonly RequestAuthentication[],
): CompiledAuthentication {
  const rules = documents.flatMap(({ namespace, name, rules }) =>
    rules.map((rule, index) => compileRule(rule, `${namespace}/${name} rule ${index}`)),
  );
  const ownHeaders = rules.flatMap(({ rule: { payloadHeader }, claimHeaders }) => [
    ...(payloadHeader === undefined ? [] : [payloadHeader.toLowerCase()]),
    ...claimHeaders.map(({ header }) => header),
  ]);
  return { rules, ownHeaders: new Set(ownHeaders) };
}

function compileRule(rule: JwtRule, name: string): CompiledJwtRule {
  const { fromHeaders, fromParams, fromCookies, claimHeaders } = rule;
  const isDefault = fromHeaders.length + fromParams.length + fromCookies.length === 0;
  return {
    rule,
    name,
    headers: (isDefault ? BEARER : fromHeaders).map(({ name, prefix }) => ({
      place: { kind: "header", name: name.toLowerCase() },
      prefix,
    })),
    params: (isDefault ? ACCESS_TOKEN : fromParams).map((name) => ({ kind: "param", name })),
    cookies: fromCookies.map((name) => ({ kind: "cookie", name })),
    claimHeaders: claimHeaders.map(({ header, claim }) => ({
      header: header.toLowerCase(),
      path: claim.split("."),
    })),
  };
}

/** The tokens at a rule's places: of every header line, of a parameter and a cookie the first one. */
export function findTokens(rule: CompiledJwtRule, facts: TokenFacts): FoundToken[] {
  const found: FoundToken[] = [];
  for (const { place, prefix } of rule.headers) {
    for (const value of facts.headerValues(place.name)) {
      const token = prefix === "" ? value : behindPrefix(value, prefix);
      if (token !== undefined) found.push({ token, place });
    }
  }
  for (const place of rule.params) {
    const value = findQueryParameter(facts.query, place.name);
    if (value !== undefined) found.push({ token: decodeParameter(value), place });
  }
  if (rule.cookies.length === 0) return found;
  const cookies = facts.headerValues("cookie");
  for (const place of rule.cookies) {
    const value = findCookie(cookies, place.name);
    if (value !== undefined) found.push({ token: value, place });
  }
  return found;
}

/** As Envoy: the prefix may stand anywhere, and what cannot begin a token is skipped behind it. */
function behindPrefix(value: string, prefix: string): string | undefined {
  const at = value.indexOf(prefix);
  if (at < 0) return undefined;
  const rest = value.slice(at + prefix.length);
  const start = rest.search(TOKEN_START);
  return start < 0 ? value : rest.slice(start);
}

function decodeParameter(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // no token either way: it is refused as one
  }
}

/** The value of the first cookie of this name, without quotes (RFC 6265 §4.2). */
function findCookie(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    for (const pair of line.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      const value = pair.slice(equals + 1).trim();
      return /^".*"$/.test(value) ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}

/** A query without a parameter; `undefined`: nothing is left of it. */
export function withoutParameter(query: string, name: string): string | undefined {
  const kept = query.split("&").filter((pair) => pair !== name && !pair.startsWith(`${name}=`));
  return kept.length === 0 ? undefined : kept.join("&");
}

/** A Cookie header without the cookies of this name; `undefined`: nothing is left of it. */
export function withoutCookie(line: string, name: string): string | undefined {
  const kept = line.split(";").filter((pair) => {
    const equals = pair.indexOf("=");
    return (equals < 0 ? pair : pair.slice(0, equals)).trim() !== name;
  });
  const text = kept.join(";").trim();
  return text === "" ? undefined : text;
}
