import {
  DEFAULT_RETRY_POLICY,
  InvalidRetryOnError,
  keepsGuard,
  parseRetryOn,
  type RetryOn,
  type RetryPolicy,
} from "@heddle/mesh";
import { z } from "zod";
import { differing, fields, warnIf } from "../schema/field-status.ts";
import { durationMs } from "./fields.ts";

const retryOn = z.string().transform((text, context): RetryOn => {
  try {
    return parseRetryOn(text);
  } catch (error) {
    if (!(error instanceof InvalidRetryOnError)) throw error;
    context.addIssue(error.message);
    return z.NEVER;
  }
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
