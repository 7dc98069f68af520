import { HEDDLE_CODES } from "./heddle-codes.ts";
import { ISTIO_CODES } from "./istio-codes.ts";
import type { Severity } from "./severity.ts";

/** What a code stands for: a row of docs/findings.md. */
export type CodeMeaning = {
  readonly name: string;
  readonly severity: Severity;
  /** When it is told. */
  readonly says: string;
  /** What to do about it, where the case does not say more. */
  readonly todo: string;
};

/** Every code that can be told, Istio's first. */
export const CODES = { ...ISTIO_CODES, ...HEDDLE_CODES } satisfies Readonly<
  Record<string, CodeMeaning>
>;
export type Code = keyof typeof CODES;

/** The rows of docs/findings.md. */
export function listCodes(): (CodeMeaning & { readonly code: Code })[] {
  return Object.entries(CODES).map(([code, meaning]) => ({ code: code as Code, ...meaning }));
}
