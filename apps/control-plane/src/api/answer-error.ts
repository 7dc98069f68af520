import {
  type ConflictProblem,
  type DocumentMerge,
  type Problem,
  toProblem,
} from "@heddle/contracts";
import { type Logger, toHeddleError } from "@heddle/runtime";
import { DatabaseUnavailableError } from "@heddle/store";
import type { Context } from "hono";
import { LoginRefusedError, TooManyLoginsError } from "../access/login-errors.ts";
import { OidcUnavailableError } from "../access/oidc-provider.ts";
import { TooManyPasswordsError } from "../access/passwords.ts";
import { AuthorityConflictError } from "../certificates/authority-errors.ts";
import { TooManyPreviewsError } from "../preview/too-many-previews-error.ts";
import { PushEndedError } from "../pushes/push-errors.ts";
import {
  ChangeRefusedError,
  ConfigFaultsError,
  NotFoundError,
  RevisionConflictError,
  TooManyChangesError,
} from "../revisions/change-errors.ts";
import { EndpointLossError } from "../revisions/endpoint-loss.ts";
import { ProxyNotAnsweringError } from "../stream/dump-requests.ts";
import { StudyBusyError, StudyFailedError } from "../study/study-errors.ts";
import { BadRequestError, ForbiddenError, UnsupportedMediaTypeError } from "./input.ts";
import { problemResponse } from "./problem.ts";

/** The one place where a failure becomes an HTTP status. */
export function answerError(logger: Logger, error: unknown, context: Context): Response {
  const body = problemOf(error);
  if (body.status >= 500) {
    const { method, path } = context.req;
    logger.error({ err: toHeddleError(error), method, path }, "request failed");
  }
  return problemResponse(
    body,
    error instanceof TooManyLoginsError ? { "retry-after": String(error.retryAfterSeconds) } : {},
  );
}

function problemOf(error: unknown): Problem {
  if (error instanceof BadRequestError) {
    return toProblem("HEDDLE_BAD_REQUEST", error.message, error.faults);
  }
  if (error instanceof UnsupportedMediaTypeError) {
    return toProblem("HEDDLE_UNSUPPORTED_MEDIA_TYPE", error.message);
  }
  if (error instanceof ForbiddenError) return toProblem("HEDDLE_FORBIDDEN", error.message);
  if (error instanceof LoginRefusedError) {
    return toProblem("HEDDLE_LOGIN_REFUSED", error.message);
  }
  if (error instanceof TooManyLoginsError || error instanceof TooManyPasswordsError) {
    return toProblem("HEDDLE_TOO_MANY_REQUESTS", error.message);
  }
  if (error instanceof TooManyPreviewsError || error instanceof StudyBusyError) {
    return toProblem("HEDDLE_TOO_MANY_REQUESTS", error.message);
  }
  if (error instanceof OidcUnavailableError) {
    return toProblem("HEDDLE_LOGIN_UNAVAILABLE", error.message);
  }
  if (error instanceof StudyFailedError) return toProblem("HEDDLE_STUDY_FAILED", error.message);
  if (error instanceof NotFoundError) return toProblem("HEDDLE_NOT_FOUND", error.message);
  if (error instanceof RevisionConflictError) {
    const { merges, message, stale } = error;
    return { ...toProblem("HEDDLE_REVISION_CONFLICT", message, stale), ...mergesOf(merges) };
  }
  if (error instanceof EndpointLossError) {
    return toProblem("HEDDLE_ENDPOINT_LOSS", error.message);
  }
  if (error instanceof ChangeRefusedError || error instanceof PushEndedError) {
    return toProblem("HEDDLE_CHANGE_REFUSED", error.message);
  }
  if (error instanceof AuthorityConflictError) {
    return toProblem("HEDDLE_AUTHORITY_CONFLICT", error.message);
  }
  if (error instanceof ConfigFaultsError) {
    return toProblem("HEDDLE_BAD_DOCUMENT", error.message, error.faults);
  }
  if (error instanceof TooManyChangesError) {
    return toProblem("HEDDLE_TOO_MANY_CHANGES", error.message);
  }
  if (error instanceof ProxyNotAnsweringError) return toProblem(error.code, error.message);
  if (error instanceof DatabaseUnavailableError) {
    const detail =
      "the database is away: traffic goes on and nothing was changed, but changes and history have to wait until it is back";
    return toProblem("HEDDLE_DATABASE_UNAVAILABLE", detail);
  }
  return toProblem("HEDDLE_UNEXPECTED", "the control plane failed at this; its log says why");
}

/** The extension member of `ConflictProblem`. */
function mergesOf(merges: readonly DocumentMerge[]): Partial<ConflictProblem> {
  return merges.length === 0 ? {} : { merges: [...merges] };
}
