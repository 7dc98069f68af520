import type { StringMatch } from "@heddle/mesh";
import { z } from "zod";

const NO_REGEX = "Heddle does not serve regex matches yet; use exact or prefix";

const one = {
  exact: z.string().optional(),
  prefix: z.string().optional(),
  regex: z.string().optional(),
};

/** Istio's StringMatch for pseudo headers: exactly one of exact and prefix (regex is refused). */
export function stringMatch(options: { readonly allowEmptyPrefix: boolean }) {
  return z.strictObject(one).transform((match, context): StringMatch => {
    const found = toMatch(match, context);
    if (found) {
      if (found.kind === "prefix" && found.value === "" && !options.allowEmptyPrefix) {
        context.addIssue("an empty prefix would match everything; leave the condition out");
      }
      return found;
    }
    if (match.regex === undefined) context.addIssue("expected one of: exact, prefix");
    return z.NEVER;
  });
}

/** For headers: as above, and `{}` (or regex `*`) asks only that the header is there. */
export const headerMatch = z.strictObject(one).transform((match, context): StringMatch => {
  const isPresence = match.regex === "*" && match.exact === undefined && match.prefix === undefined;
  if (isPresence || Object.values(match).every((value) => value === undefined)) {
    return { kind: "present" };
  }
  return toMatch(match, context) ?? z.NEVER;
});

function toMatch(
  match: { exact?: string | undefined; prefix?: string | undefined; regex?: string | undefined },
  context: z.RefinementCtx,
): StringMatch | undefined {
  if (match.regex !== undefined)
    context.addIssue({ code: "custom", path: ["regex"], message: NO_REGEX });
  if (match.exact !== undefined && match.prefix !== undefined) {
    context.addIssue("expected one of exact and prefix, not both");
  }
  if (match.exact !== undefined) return { kind: "exact", value: match.exact };
  if (match.prefix !== undefined) return { kind: "prefix", value: match.prefix };
  return undefined;
}
