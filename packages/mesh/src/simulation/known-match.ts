import type { Caller } from "../routing/caller.ts";
import { compileMatch, type RequestTest } from "../routing/match-request.ts";
import type { RequestFacts } from "../routing/request-facts.ts";
import type { RouteMatch } from "../routing/route.ts";

/** What is known of a condition; `undefined`: what it asks for was not recorded. */
export type Truth = boolean | undefined;

/** What is known of a request after the fact. */
export interface KnownFacts extends RequestFacts {
  /** Whether a header's value, or that there was none, is known. */
  knowsHeader(name: string): boolean;
}

/** One condition of a match block with the code the proxies test it by. */
export type KnownCondition = {
  /** Equal conditions of different rules have equal keys. */
  readonly key: string;
  /** What it asks for, in words: `header x-tester`. */
  readonly asks: string;
  readonly test: (facts: KnownFacts) => Truth;
};

/** A match block taken apart, so that one unknown condition does not hide what the others say. */
export function compileKnownMatch(
  match: RouteMatch | undefined,
  caller: Caller,
): readonly KnownCondition[] {
  if (match === undefined) return [];
  return partsOf(match).map(({ part, asks, header }) => {
    const test = compileMatch(part, caller);
    return {
      key: JSON.stringify(part),
      asks,
      test: (facts) => {
        if (test === "always") return true;
        if (test === "never") return false;
        return isKnown(asks, header, facts) ? holds(test, facts) : undefined;
      },
    };
  });
}

/** ANDed: one that fails decides, whatever is unknown beside it. */
export function allHold(
  conditions: readonly KnownCondition[],
  truthOf: (condition: KnownCondition) => Truth,
): Truth {
  let isCertain = true;
  for (const condition of conditions) {
    const truth = truthOf(condition);
    if (truth === false) return false;
    if (truth === undefined) isCertain = false;
  }
  return isCertain ? true : undefined;
}

type Part = {
  readonly part: RouteMatch;
  readonly asks: string;
  readonly header?: string;
};

function partsOf(match: RouteMatch): Part[] {
  const { uri, ignoreUriCase, method, scheme, authority, port, source } = match;
  const parts: Part[] = [];
  if (uri) parts.push({ part: { uri, ...(ignoreUriCase ? { ignoreUriCase } : {}) }, asks: "path" });
  if (method) parts.push({ part: { method }, asks: "method" });
  if (scheme) parts.push({ part: { scheme }, asks: "scheme" });
  if (authority) parts.push({ part: { authority }, asks: "host" });
  if (port !== undefined) parts.push({ part: { port }, asks: "port" });
  if (source) parts.push({ part: { source }, asks: "caller" });
  for (const [name, text] of Object.entries(match.headers ?? {})) {
    parts.push({ part: { headers: { [name]: text } }, asks: `header ${name}`, header: name });
  }
  for (const [name, text] of Object.entries(match.withoutHeaders ?? {})) {
    parts.push({
      part: { withoutHeaders: { [name]: text } },
      asks: `header ${name}`,
      header: name,
    });
  }
  for (const [name, text] of Object.entries(match.queryParams ?? {})) {
    parts.push({ part: { queryParams: { [name]: text } }, asks: `query parameter ${name}` });
  }
  return parts;
}

function isKnown(asks: string, header: string | undefined, facts: KnownFacts): boolean {
  if (header !== undefined) return facts.knowsHeader(header);
  if (asks === "host") return facts.authority !== "";
  if (asks === "port") return facts.port !== undefined;
  return !asks.startsWith("query parameter");
}

function holds(test: RequestTest, facts: KnownFacts): boolean {
  return test(facts);
}
