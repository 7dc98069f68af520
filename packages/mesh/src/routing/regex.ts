import { type Matcher, RE2JS } from "re2js";

/** Istio's bound on a regular expression in a rule. */
export const MAX_REGEX_LENGTH = 1024;

/** An expression of a rule is not RE2, or too long. */
export class InvalidRegexError extends Error {
  override readonly name = "InvalidRegexError";
  readonly code = "HEDDLE_INVALID_REGEX";
  readonly pattern: string;
  constructor(pattern: string, reason: string, options?: ErrorOptions) {
    super(
      `regular expression ${JSON.stringify(shorten(pattern))}: ${reason}; allowed is RE2 syntax (no look-around, no back-references) of at most ${MAX_REGEX_LENGTH} characters`,
      options,
    );
    this.pattern = pattern;
  }
}

/**
 * A test of whole texts against an RE2 expression, in linear time (Istio's StringMatch.regex, Envoy's
 * RegexMatcher: full match). Throws `InvalidRegexError`.
 */
export function compileRegex(pattern: string): (text: string) => boolean {
  const compiled = compile(pattern);
  return (text) => compiled.testExact(text);
}

/**
 * Replaces every part of a text that matches, as RE2's GlobalReplace: `\0`–`\9` in `rewrite` stand for
 * the groups and `\\` for a backslash (Envoy's RegexMatchAndSubstitute). Throws `InvalidRegexError`,
 * also for a group the expression does not have.
 */
export function compileRegexRewrite(pattern: string, rewrite: string): (text: string) => string {
  const compiled = compile(pattern);
  const parts = parseRewrite(pattern, rewrite, compiled.groupCount());
  return (text) => substitute(compiled.matcher(text), parts, text);
}

type RewritePart = string | number;

function compile(pattern: string): RE2JS {
  if (pattern.length > MAX_REGEX_LENGTH) {
    throw new InvalidRegexError(pattern, `it has ${pattern.length} characters`);
  }
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    throw new InvalidRegexError(pattern, reasonOf(cause), { cause });
  }
}

function parseRewrite(pattern: string, rewrite: string, groupCount: number): RewritePart[] {
  const parts: RewritePart[] = [];
  let literal = "";
  for (let index = 0; index < rewrite.length; index++) {
    const char = rewrite.charAt(index);
    if (char !== "\\") {
      literal += char;
      continue;
    }
    const next = rewrite.charAt(++index);
    if (next === "\\") literal += next;
    else if (/^[0-9]$/.test(next) && Number(next) <= groupCount) {
      parts.push(literal, Number(next));
      literal = "";
    } else {
      throw new InvalidRegexError(
        pattern,
        `the rewrite ${JSON.stringify(rewrite)} uses \\${next}, and the expression has ${groupCount} groups (\\0 to \\${groupCount}, \\\\ for a backslash)`,
      );
    }
  }
  parts.push(literal);
  return parts;
}

function substitute(matcher: Matcher, parts: readonly RewritePart[], text: string): string {
  let result = "";
  let end = 0;
  while (matcher.find()) {
    result += text.slice(end, matcher.start());
    for (const part of parts) {
      result += typeof part === "string" ? part : (matcher.group(part) ?? "");
    }
    end = matcher.end();
  }
  return result + text.slice(end);
}

function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/^error parsing regexp: /, "");
}

function shorten(pattern: string): string {
  return pattern.length <= 80 ? pattern : `${pattern.slice(0, 80)}…`;
}
