import type { OutlierDetection } from "@heddle/mesh";
import { z } from "zod";
import { differing, fields, warnIf, withoutEffect } from "../schema/field-status.ts";
import { count, durationMs, durationOrZeroMs } from "./fields.ts";

const percent = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && value >= 0 && value <= 100,
    "percentage is not in range 0..100 (a whole number)",
  );

const errorCode = z
  .number()
  .refine(
    (code) => Number.isInteger(code) && code >= 100 && code <= 599,
    "expected an HTTP status code from 100 to 599",
  );

/** OutlierDetection. */
export const outlierDetection = warnIf(
  fields({
    consecutive5xxErrors: count().optional(),
    consecutiveGatewayErrors: count().optional(),
    consecutiveErrors: count().optional(),
    consecutiveLocalOriginFailures: count().optional(),
    splitExternalLocalOriginErrors: z.boolean().optional(),
    interval: durationMs.optional(),
    baseEjectionTime: durationMs.optional(),
    maxEjectionPercent: differing(
      "one endpoint may be ejected whatever the percentage, even of two; Istio's default of 10 % ejects nobody below ten endpoints",
      percent.optional(),
    ),
    minHealthPercent: percent.optional(),
    outlierDetectionHttpErrorCodes: z.array(errorCode).optional(),
  }).transform((written, context): OutlierDetection => {
    const splits = written.splitExternalLocalOriginErrors ?? false;
    if (!splits && (written.consecutiveLocalOriginFailures ?? 0) > 0) {
      context.addIssue(
        "outlier detection consecutive local origin failures is specified, but split external local origin errors is set to false; set splitExternalLocalOriginErrors to true",
      );
    }
    return {
      consecutive5xxErrors: written.consecutive5xxErrors ?? written.consecutiveErrors ?? 5,
      consecutiveGatewayErrors: written.consecutiveGatewayErrors ?? 0,
      consecutiveLocalOriginFailures: splits ? (written.consecutiveLocalOriginFailures ?? 5) : 0,
      splitsLocalOrigin: splits,
      errorCodes: written.outlierDetectionHttpErrorCodes ?? [],
      intervalMs: written.interval ?? 10_000,
      baseEjectionMs: written.baseEjectionTime ?? 30_000,
      maxEjectionRatio: (written.maxEjectionPercent || 10) / 100,
      minHealthRatio: (written.minHealthPercent ?? 0) / 100,
    };
  }),
  ({ consecutiveErrors, maxEjectionPercent }) => [
    ...(consecutiveErrors === undefined
      ? []
      : [
          {
            at: ["consecutiveErrors"],
            message:
              "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or consecutive5xxErrors instead; it is taken as consecutive5xxErrors",
          },
        ]),
    ...(maxEjectionPercent !== 0
      ? []
      : [
          {
            at: ["maxEjectionPercent"],
            message: "is 0, which means the default (10 %) and not none at all",
          },
        ]),
  ],
);

/** RetryBudget. */
export const retryBudget = fields({
  percent: z
    .number()
    .min(0, "expected a percentage from 0 to 100")
    .max(100, "expected a percentage from 0 to 100")
    .optional(),
  budgetInterval: withoutEffect(
    "the budget counts what is under way at the moment",
    durationOrZeroMs.optional(),
  ),
  minRetryConcurrency: count().optional(),
}).transform(({ percent, minRetryConcurrency }) => ({
  ratio: (percent ?? 20) / 100,
  minConcurrency: minRetryConcurrency ?? 3,
}));
