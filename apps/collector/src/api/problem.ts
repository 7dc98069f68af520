import type { Problem } from "@heddle/contracts";
import { toHeddleError } from "@heddle/runtime";
import { DatabaseUnavailableError } from "@heddle/store";
import type { Context } from "hono";

/** A request the API refuses; becomes an RFC 9457 answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: 400 | 401 | 403 | 404 | 429 | 503;
  readonly code: `HEDDLE_${string}`;
  readonly errors: Problem["errors"];
  constructor(
    status: ApiError["status"],
    code: `HEDDLE_${string}`,
    message: string,
    errors?: Problem["errors"],
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

const TITLES = {
  400: "Invalid request",
  401: "Not logged in",
  403: "Not allowed",
  404: "Not found",
  429: "Too many streams",
  500: "The collector failed",
  503: "The database does not answer",
} as const;

/** The one place where an error becomes an HTTP answer. */
export function problemAnswer(context: Context, error: unknown): Response {
  const { status, code, detail, errors } = describe(error);
  const problem: Problem = {
    type: `urn:heddle:error:${code
      .replace(/^HEDDLE_/, "")
      .toLowerCase()
      .replaceAll("_", "-")}`,
    title: TITLES[status],
    status,
    detail,
    code,
    ...(errors !== undefined && { errors }),
  };
  if (status === 401) context.header("www-authenticate", "Bearer");
  return context.json(problem, status, { "content-type": "application/problem+json" });
}

function describe(error: unknown): {
  status: keyof typeof TITLES;
  code: string;
  detail: string;
  errors?: Problem["errors"];
} {
  if (error instanceof ApiError) {
    return { status: error.status, code: error.code, detail: error.message, errors: error.errors };
  }
  if (error instanceof DatabaseUnavailableError) {
    return {
      status: 503,
      code: error.code,
      detail: "What lies further back than memory reaches cannot be read now.",
    };
  }
  return { status: 500, code: toHeddleError(error).code, detail: "See the collector's log." };
}
