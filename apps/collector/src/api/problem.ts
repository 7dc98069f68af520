import { type Problem, type ProblemCode, toProblem } from "@heddle/contracts";
import { DatabaseUnavailableError } from "@heddle/store";

/** A request the API refuses; becomes an RFC 9457 answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ProblemCode;
  readonly errors: Problem["errors"];
  constructor(code: ProblemCode, message: string, errors?: Problem["errors"]) {
    super(message);
    this.code = code;
    this.errors = errors;
  }
}

/** The one place where an error becomes an HTTP answer. */
export function problemAnswer(
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const problem = describe(error);
  return Response.json(problem, {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      ...(problem.status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...headers,
    },
  });
}

function describe(error: unknown): Problem {
  if (error instanceof ApiError) return toProblem(error.code, error.message, error.errors);
  if (error instanceof DatabaseUnavailableError) {
    const detail = "What lies further back than memory reaches cannot be read now.";
    return toProblem("HEDDLE_DATABASE_UNAVAILABLE", detail);
  }
  return toProblem("HEDDLE_UNEXPECTED", "See the collector's log.");
}
