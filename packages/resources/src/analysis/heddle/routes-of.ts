import type { AnalysisDocument } from "../analysis-document.ts";
import { type Fields, fieldsAt, fieldsOf, listAt, textAt } from "../fields.ts";

/** An entry of `spec.http`, where it stands, and what to call it. */
export type HttpRoute = {
  readonly route: Fields;
  readonly path: readonly (string | number)[];
  /** `http[1]`, or with its name `http[1] (canary)`. */
  readonly title: string;
  readonly matches: readonly Fields[];
};

export function httpRoutes({ spec }: AnalysisDocument): HttpRoute[] {
  return listAt(spec, "http").map((one, index) => {
    const name = textAt(one, "name");
    return {
      route: fieldsOf(one),
      path: ["spec", "http", index],
      title: name === "" ? `http[${index}]` : `http[${index}] (${name})`,
      matches: listAt(one, "match").map(fieldsOf),
    };
  });
}

/** What a match asks of a request besides its path; the name routes nothing. */
export function conditionsBesidesPath(match: Fields): string[] {
  return Object.entries(match)
    .filter(
      ([field, value]) => !["uri", "name", "ignoreUriCase"].includes(field) && !isEmpty(value),
    )
    .map(([field]) => field);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value == null || (typeof value === "object" && Object.keys(value).length === 0);
}

/** Whether a match takes every request. */
export function takesEverything(match: Fields): boolean {
  if (conditionsBesidesPath(match).length > 0) return false;
  const uri = fieldsAt(match, "uri");
  if (Object.keys(uri).length === 0) return true;
  return (
    uri["prefix"] === "/" || uri["prefix"] === "" || uri["regex"] === ".*" || uri["regex"] === "/.*"
  );
}
