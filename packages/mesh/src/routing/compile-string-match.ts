import { compileRegex } from "./regex.ts";
import type { StringMatch } from "./string-match.ts";

export type TextTest = (text: string) => boolean;

/** Istio writes "any value" as `regex: "*"` too (`{}` otherwise); as RE2 that would not compile. */
export function isPresence(text: StringMatch): boolean {
  return text.kind === "present" || (text.kind === "regex" && text.value === "*");
}

/**
 * A StringMatch made ready for many texts. What comes off the wire holds one byte per character, so
 * values beyond ASCII are compared by their UTF-8 bytes. Throws `InvalidRegexError`.
 */
export function compileStringMatch(text: StringMatch): TextTest {
  if (text.kind === "present" || isPresence(text)) return always;
  if (text.kind === "regex") return compileRegex(text.value);
  const wanted = bytesText(text.value);
  if (text.kind === "exact") return (value) => value === wanted;
  return wanted === "" ? always : startsWith(wanted);
}

/** The same without regard to case, for `ignoreUriCase`; a regular expression stays as it is. */
export function compileCaselessMatch(text: StringMatch): TextTest {
  if (text.kind === "present" || text.kind === "regex") return compileStringMatch(text);
  const holds = compileStringMatch({ kind: text.kind, value: text.value.toLowerCase() });
  return (value) => holds(value.toLowerCase());
}

/** The last character tells most texts apart, and cheaper than a call to `startsWith` (bench/routing.ts). */
function startsWith(wanted: string): TextTest {
  const last = wanted.length - 1;
  const lastCode = wanted.charCodeAt(last);
  return (value) => value.charCodeAt(last) === lastCode && value.startsWith(wanted);
}

function always(): boolean {
  return true;
}

function bytesText(value: string): string {
  if (!/[^ -~]/.test(value)) return value;
  let text = "";
  for (const byte of new TextEncoder().encode(value)) text += String.fromCharCode(byte);
  return text;
}
