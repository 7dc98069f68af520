import { isCatchAll } from "./match-request.ts";
import type { RouteMatch } from "./route.ts";
import type { StringMatch } from "./string-match.ts";

/**
 * How the requests of one match block stand to those of another. `inside`: all of them match the other too;
 * `apart`: none does; `overlap`: some may.
 */
export type MatchRelation = "inside" | "apart" | "overlap";

type Named = Readonly<Record<string, StringMatch>> | undefined;

/**
 * Says it by the rules alone, and `overlap` whenever they do not tell. A block that is `undefined` takes every
 * request. Regular expressions are compared by their text only.
 */
export function relateMatches(
  one: RouteMatch | undefined,
  other: RouteMatch | undefined,
): MatchRelation {
  if (other === undefined || isCatchAll(other)) return "inside";
  if (one === undefined) return "overlap";
  const relations = [
    relateTexts(one.method, other.method),
    relatePaths(one, other),
    relateTexts(one.authority, other.authority),
    relateTexts(one.scheme, other.scheme),
    relateEqual(one.port, other.port),
    relateNamed(one.headers, other.headers),
    relateNamed(one.queryParams, other.queryParams),
    relateSame(one.withoutHeaders, other.withoutHeaders),
    relateSame(one.source, other.source),
    relateAbsence(one, other),
  ];
  if (relations.includes("apart")) return "apart";
  return relations.includes("overlap") ? "overlap" : "inside";
}

function relatePaths(one: RouteMatch, other: RouteMatch): MatchRelation {
  if (other.uri === undefined) return "inside";
  if (one.uri === undefined) return "overlap";
  if (one.ignoreUriCase === true || other.ignoreUriCase === true) {
    return relateSame([one.uri, one.ignoreUriCase], [other.uri, other.ignoreUriCase]);
  }
  return relateTexts(one.uri, other.uri);
}

function relateTexts(one: StringMatch | undefined, other: StringMatch | undefined): MatchRelation {
  if (other === undefined) return "inside";
  if (one === undefined) return "overlap";
  if (other.kind === "present") return "inside";
  if (one.kind === "present" || one.kind === "regex" || other.kind === "regex") {
    return relateSame(one, other);
  }
  const a = one.value;
  const b = other.value;
  if (one.kind === "exact") {
    const isIn = other.kind === "exact" ? a === b : a.startsWith(b);
    return isIn ? "inside" : "apart";
  }
  if (other.kind === "exact") return b.startsWith(a) ? "overlap" : "apart";
  if (a.startsWith(b)) return "inside";
  return b.startsWith(a) ? "overlap" : "apart";
}

function relateNamed(one: Named, other: Named): MatchRelation {
  const relations = Object.entries(other ?? {}).map(([name, wanted]) =>
    relateTexts(one?.[name], wanted),
  );
  if (relations.includes("apart")) return "apart";
  return relations.includes("overlap") ? "overlap" : "inside";
}

/** A header that one demands and the other forbids. */
function relateAbsence(one: RouteMatch, other: RouteMatch): MatchRelation {
  const excludes = (a: Named, b: Named) =>
    Object.entries(b ?? {}).some(([name, text]) => {
      const demanded = a?.[name];
      return demanded !== undefined && relateTexts(demanded, text) === "inside";
    });
  const isApart =
    excludes(one.headers, other.withoutHeaders) || excludes(other.headers, one.withoutHeaders);
  return isApart ? "apart" : "inside";
}

function relateEqual(one: number | undefined, other: number | undefined): MatchRelation {
  if (other === undefined) return "inside";
  if (one === undefined) return "overlap";
  return one === other ? "inside" : "apart";
}

function relateSame(one: unknown, other: unknown): MatchRelation {
  if (isEmpty(other)) return "inside";
  return JSON.stringify(one) === JSON.stringify(other) ? "inside" : "overlap";
}

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
