import { compileRegex, InvalidRegexError, type StringMatch } from "@heddle/mesh";
import { z } from "zod";
import { fields } from "../schema/field-status.ts";

/** An RE2 expression, compiled once here to find its faults. */
export const regex = z.string().superRefine((pattern, context) => {
  if (pattern === "") return context.addIssue("regex string match should not be empty");
  try {
    compileRegex(pattern);
  } catch (error) {
    if (!(error instanceof InvalidRegexError)) throw error;
    context.addIssue(error.message);
  }
  return undefined;
});

const one = {
  exact: z.string().optional(),
  prefix: z.string().optional(),
  regex: z.string().optional(),
};

/**
 * Istio's StringMatch: one of exact, prefix and regex. `present`: whether nothing of them (or regex `*`)
 * asks that there be any value; `emptyPrefix`: whether an empty prefix may stand.
 */
function match(allows: { readonly present: boolean; readonly emptyPrefix: boolean }) {
  return fields(one).transform((written, context): StringMatch => {
    const issue = (message: string, ...path: PropertyKey[]) => {
      context.addIssue({ code: "custom", path, message });
      return z.NEVER;
    };
    const given = Object.entries(written).filter(([, value]) => value !== undefined);
    if (given.length > 1) return issue("expected one of exact, prefix and regex, not several");
    const { exact, prefix, regex: pattern } = written;
    if (exact !== undefined) return { kind: "exact", value: exact };
    if (prefix !== undefined) {
      if (prefix !== "" || allows.emptyPrefix) return { kind: "prefix", value: prefix };
      return issue("prefix string match should not be empty: it would match everything", "prefix");
    }
    if (pattern === undefined || (pattern === "*" && allows.present)) {
      if (allows.present) return { kind: "present" };
      return issue("expected one of exact, prefix and regex");
    }
    const checked = regex.safeParse(pattern);
    if (checked.success) return { kind: "regex", value: pattern };
    return issue(checked.error.issues[0]?.message ?? "is no RE2 expression", "regex");
  });
}

/** For paths: an empty prefix takes every path. */
export const uriMatch = match({ present: false, emptyPrefix: true });
/** For scheme, method and authority. */
export const textMatch = match({ present: false, emptyPrefix: false });
/** For headers and query parameters: `{}` (or regex `*`) asks only that it is there. */
export const namedMatch = match({ present: true, emptyPrefix: false });
