import type { Problem } from "../console-api/mesh-state.ts";
import { PROBLEM_CODES, type ProblemCode, type ProblemDescription } from "./problem-codes.ts";

/** An RFC 9457 problem; the code gives status, title and type. `errors` names each fault of the input. */
export function toProblem(
  code: ProblemCode,
  detail: string,
  errors?: readonly { readonly field: string; readonly message: string }[],
): Problem {
  const { status, title }: ProblemDescription = PROBLEM_CODES[code];
  return {
    type: problemType(code),
    title,
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors: [...errors] }),
  };
}

/** `urn:heddle:error:not-found`; its last part is the heading in docs/errors.md. */
export function problemType(code: ProblemCode): string {
  return `urn:heddle:error:${code
    .replace(/^HEDDLE_/, "")
    .toLowerCase()
    .replaceAll("_", "-")}`;
}
