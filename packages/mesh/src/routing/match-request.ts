import { type Caller, selectsCaller } from "./caller.ts";
import {
  compileCaselessMatch,
  compileStringMatch,
  isPresence,
  type TextTest,
} from "./compile-string-match.ts";
import { findQueryParameter } from "./query-parameter.ts";
import type { RequestFacts } from "./request-facts.ts";
import type { RouteMatch } from "./route.ts";
import type { StringMatch } from "./string-match.ts";

export type RequestTest = (request: RequestFacts) => boolean;

/** Istio ignores these keys of `headers`: the fields of the same name ask for them. */
const PSEUDO_HEADERS: ReadonlySet<string> = new Set(["uri", "scheme", "method", "authority"]);

/**
 * One match block made ready for many requests; its conditions are ANDed, cheap ones first. With
 * `caller`, `source` is decided here, as Istio does. `never`: no request of this caller can match.
 * Throws `InvalidRegexError`.
 */
export function compileMatch(match: RouteMatch, caller?: Caller): RequestTest | "always" | "never" {
  if (match.source && caller && !selectsCaller(match.source, caller)) return "never";
  const conditions = conditionsOf(match, caller);
  const [first, second] = conditions;
  if (!first) return "always";
  if (!second) return first;
  return (request) => {
    for (let index = 0; index < conditions.length; index++) {
      if (!(conditions[index] as RequestTest)(request)) return false;
    }
    return true;
  };
}

/** Match blocks ORed; none at all takes every request. */
export function compileMatches(blocks: readonly RouteMatch[]): RequestTest {
  const tests: RequestTest[] = [];
  for (const block of blocks) {
    const test = compileMatch(block);
    if (test === "always") return () => true;
    if (test !== "never") tests.push(test);
  }
  if (blocks.length === 0) return () => true;
  return (request) => {
    for (let index = 0; index < tests.length; index++) {
      if ((tests[index] as RequestTest)(request)) return true;
    }
    return false;
  };
}

/**
 * Whether a block takes every request that carries an absolute path: prefix `/` or regex `.*` (or no
 * uri) and no other condition. Istio ends a route list there.
 */
export function isCatchAll(match: RouteMatch): boolean {
  const { name: _, ignoreUriCase: __, uri, ...rest } = match;
  const hasOther = Object.entries(rest).some(([key, value]) => !isEmptyCondition(key, value));
  return !hasOther && (uri === undefined || isAnyPath(uri));
}

function isEmptyCondition(key: string, value: RouteMatch[keyof RouteMatch]): boolean {
  if (value === undefined) return true;
  if (typeof value !== "object") return false;
  const names = Object.keys(value);
  return key === "headers" ? names.every((name) => PSEUDO_HEADERS.has(name)) : names.length === 0;
}

function isAnyPath(uri: StringMatch): boolean {
  if (isPresence(uri)) return true;
  if (uri.kind === "regex") return uri.value === ".*";
  return uri.kind === "prefix" && (uri.value === "/" || uri.value === "");
}

function conditionsOf(match: RouteMatch, caller: Caller | undefined): RequestTest[] {
  const { port, source } = match;
  const conditions: RequestTest[] = [];
  if (port !== undefined) conditions.push((request) => request.port === port);
  if (source !== undefined && caller === undefined) {
    conditions.push(
      (request) => request.source !== undefined && selectsCaller(source, request.source),
    );
  }
  pushHeadConditions(conditions, match);
  for (const [name, text] of Object.entries(match.headers ?? {})) {
    if (!PSEUDO_HEADERS.has(name)) conditions.push(compileHeader(name, text));
  }
  for (const [name, text] of Object.entries(match.withoutHeaders ?? {})) {
    conditions.push(compileWithoutHeader(name, text));
  }
  for (const [name, text] of Object.entries(match.queryParams ?? {})) {
    conditions.push(compileQueryParameter(name, text));
  }
  return conditions;
}

function pushHeadConditions(conditions: RequestTest[], match: RouteMatch): void {
  const { method, scheme, uri, authority } = match;
  if (method) {
    const holds = compileStringMatch(method);
    conditions.push((request) => holds(request.method));
  }
  if (uri && !isPresence(uri)) conditions.push(compilePath(uri, match.ignoreUriCase === true));
  if (authority) {
    const holds = compileStringMatch(authority);
    conditions.push((request) => holds(request.authority));
  }
  if (scheme) {
    const holds = compileOptional(scheme);
    conditions.push((request) => holds(request.scheme));
  }
}

function compilePath(uri: StringMatch, ignoresCase: boolean): RequestTest {
  const holds = ignoresCase ? compileCaselessMatch(uri) : compileStringMatch(uri);
  return (request) => holds(request.path);
}

/** A header that is not there matches nothing, not even the empty text. */
function compileHeader(name: string, text: StringMatch): RequestTest {
  const holds = compileOptional(text);
  return (request) => holds(request.header(name));
}

/** Envoy's inverted match: a header that is not there counts as empty, unless its presence is asked. */
function compileWithoutHeader(name: string, text: StringMatch): RequestTest {
  if (isPresence(text)) return (request) => request.header(name) === undefined;
  const holds = compileStringMatch(text);
  return (request) => !holds(request.header(name) ?? "");
}

function compileQueryParameter(name: string, text: StringMatch): RequestTest {
  const holds = compileOptional(text);
  return (request) => holds(findQueryParameter(request.query, name));
}

function compileOptional(text: StringMatch): (value: string | undefined) => boolean {
  const holds: TextTest = compileStringMatch(text);
  return (value) => value !== undefined && holds(value);
}
