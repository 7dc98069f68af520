import {
  DEFAULT_RETRY_POLICY,
  keepsGuard,
  RETRY_CONDITIONS,
  type RetryCondition,
  type RetryPolicy,
} from "@heddle/mesh";
import { z } from "zod";
import { differing, fields, warnIf } from "../schema/field-status.ts";
import { durationMs } from "./fields.ts";

const STATUS_CODES = new Set([
  ...range(100, 103),
  ...range(200, 208),
  226,
  ...range(300, 305),
  ...[307, 308],
  ...range(400, 418),
  ...range(421, 426),
  ...[428, 429, 431, 451],
  ...range(500, 508),
  ...[510, 511],
]);

const retryOn = z.string().transform((text, context) => {
  const conditions: RetryCondition[] = [];
  const statusCodes: number[] = [];
  for (const token of text === "" ? [] : text.split(",")) {
    const condition = RETRY_CONDITIONS.find((one) => one === token);
    if (condition) conditions.push(condition);
    else if (/^\d{3}$/.test(token) && STATUS_CODES.has(Number(token))) {
      statusCodes.push(Number(token));
    } else {
      const hint = token !== token.trim() ? "; take out the blanks" : "";
      context.addIssue(
        `${JSON.stringify(token)} is not a valid retryOn policy${hint}; expected a comma-separated list of HTTP status codes and ${RETRY_CONDITIONS.join(", ")}`,
      );
      return z.NEVER;
    }
  }
  if (statusCodes.length > 0 && !conditions.includes("retriable-status-codes")) {
    conditions.push("retriable-status-codes");
  }
  return { conditions, statusCodes };
});

const attempts = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && value >= 0 && value <= 2 ** 31 - 1,
    "attempts cannot be negative; expected a whole number, 0 switches retries off",
  );

/** HTTPRetry. */
export const retries = warnIf(
  fields({
    attempts: attempts.optional(),
    perTryTimeout: durationMs.optional(),
    retryOn: differing(
      "without retryOn only requests that were never sent or are idempotent are tried again (RFC 9110 §9.2.2); naming further conditions lifts that for the rule",
      retryOn.optional(),
    ),
    backoff: durationMs.optional(),
    retryRemoteLocalities: z.boolean().optional(),
    retryIgnorePreviousHosts: z.boolean().optional(),
  }).transform((written, context): RetryPolicy => {
    const { attempts = 0, perTryTimeout, retryRemoteLocalities } = written;
    const hasConditions = written.retryOn !== undefined && written.retryOn.conditions.length > 0;
    if (
      attempts === 0 &&
      (perTryTimeout !== undefined || hasConditions || retryRemoteLocalities !== undefined)
    ) {
      context.addIssue("http retry policy configured when attempts are set to 0 (disabled)");
    }
    const on = written.retryOn && hasConditions ? written.retryOn : DEFAULT_RETRY_POLICY;
    const { conditions, statusCodes } = on;
    return {
      attempts,
      conditions,
      statusCodes,
      ...(perTryTimeout !== undefined && { perTryTimeoutMs: perTryTimeout }),
      backoffBaseMs: written.backoff ?? DEFAULT_RETRY_POLICY.backoffBaseMs,
      avoidsPrevious: written.retryIgnorePreviousHosts ?? true,
      leavesLocality: retryRemoteLocalities ?? false,
      idempotentOnly: keepsGuard(on),
    };
  }),
  (written) =>
    written.attempts === undefined
      ? "attempts is not given, which means 0: retries are off, the mesh's default too"
      : undefined,
);

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
