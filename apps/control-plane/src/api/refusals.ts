import type { ProblemCode } from "@heddle/contracts";

/** What descriptions of routes name as refusals, where several share them. */
export const DATABASE_AWAY = [
  "HEDDLE_DATABASE_UNAVAILABLE",
] as const satisfies readonly ProblemCode[];

/** Of what the study answers. */
export const STUDY_REFUSALS = [
  "HEDDLE_TOO_MANY_REQUESTS",
  "HEDDLE_STUDY_FAILED",
] as const satisfies readonly ProblemCode[];

/** Of whatever changes documents. */
export const CHANGE_REFUSALS = [
  "HEDDLE_NOT_FOUND",
  "HEDDLE_REVISION_CONFLICT",
  "HEDDLE_CHANGE_REFUSED",
  "HEDDLE_ENDPOINT_LOSS",
  "HEDDLE_BAD_DOCUMENT",
  "HEDDLE_TOO_MANY_CHANGES",
  ...DATABASE_AWAY,
] as const satisfies readonly ProblemCode[];

export const LOGIN_REFUSALS = [
  "HEDDLE_LOGIN_REFUSED",
  "HEDDLE_TOO_MANY_REQUESTS",
  ...DATABASE_AWAY,
] as const satisfies readonly ProblemCode[];

export const ROTATION_REFUSALS = [
  "HEDDLE_NOT_FOUND",
  "HEDDLE_AUTHORITY_CONFLICT",
  ...DATABASE_AWAY,
] as const satisfies readonly ProblemCode[];

export const USER_REFUSALS = [
  "HEDDLE_CHANGE_REFUSED",
  ...DATABASE_AWAY,
] as const satisfies readonly ProblemCode[];
