import type { Problem } from "@heddle/contracts";
import { type Logger, toHeddleError } from "@heddle/runtime";
import { DatabaseUnavailableError } from "@heddle/store";
import type { Context } from "hono";
import { LoginRefusedError, TooManyLoginsError } from "../access/login-errors.ts";
import { OidcUnavailableError } from "../access/oidc-provider.ts";
import { TooManyPasswordsError } from "../access/passwords.ts";
import { AuthorityConflictError } from "../certificates/authority-errors.ts";
import {
  ChangeRefusedError,
  ConfigFaultsError,
  NotFoundError,
  RevisionConflictError,
  TooManyChangesError,
} from "../revisions/change-errors.ts";
import { BadRequestError, ForbiddenError } from "./input.ts";
import { problem } from "./problem.ts";

/** The one place where a failure becomes an HTTP status. */
export function answerError(logger: Logger, error: unknown, context: Context): Response {
  const body = toProblem(error);
  if (body.status >= 500) {
    const { method, path } = context.req;
    logger.error({ err: toHeddleError(error), method, path }, "request failed");
  }
  return Response.json(body, {
    status: body.status,
    headers: {
      "content-type": "application/problem+json",
      ...(error instanceof TooManyLoginsError
        ? { "retry-after": String(error.retryAfterSeconds) }
        : {}),
    },
  });
}

function toProblem(error: unknown): Problem {
  if (error instanceof BadRequestError) {
    return problem(400, "HEDDLE_BAD_REQUEST", error.message, error.faults);
  }
  if (error instanceof ForbiddenError) return problem(403, "HEDDLE_FORBIDDEN", error.message);
  if (error instanceof LoginRefusedError) {
    return problem(401, "HEDDLE_LOGIN_REFUSED", error.message);
  }
  if (error instanceof TooManyLoginsError || error instanceof TooManyPasswordsError) {
    return problem(429, "HEDDLE_TOO_MANY_REQUESTS", error.message);
  }
  if (error instanceof OidcUnavailableError) {
    return problem(503, "HEDDLE_LOGIN_UNAVAILABLE", error.message);
  }
  if (error instanceof NotFoundError) return problem(404, "HEDDLE_NOT_FOUND", error.message);
  if (error instanceof RevisionConflictError) {
    return problem(409, "HEDDLE_REVISION_CONFLICT", error.message, error.stale);
  }
  if (error instanceof ChangeRefusedError) {
    return problem(409, "HEDDLE_CHANGE_REFUSED", error.message);
  }
  if (error instanceof AuthorityConflictError) {
    return problem(409, "HEDDLE_AUTHORITY_CONFLICT", error.message);
  }
  if (error instanceof ConfigFaultsError) {
    return problem(422, "HEDDLE_BAD_DOCUMENT", error.message, error.faults);
  }
  if (error instanceof TooManyChangesError) {
    return problem(503, "HEDDLE_TOO_MANY_CHANGES", error.message);
  }
  if (error instanceof DatabaseUnavailableError) {
    const detail =
      "the database is away: traffic goes on and nothing was changed, but changes and history have to wait until it is back";
    return problem(503, "HEDDLE_DATABASE_UNAVAILABLE", detail);
  }
  return problem(500, "HEDDLE_UNEXPECTED", "the control plane failed at this; its log says why");
}
