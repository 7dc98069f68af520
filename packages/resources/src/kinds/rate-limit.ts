import type { RateLimitKey } from "@heddle/mesh";
import { z } from "zod";
import type { RateLimitDocument } from "../documents/policy-documents.ts";
import { fields, warnIf } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { documentName, parseDurationMs } from "./fields.ts";
import { headerMatches, toRouteMatch } from "./http-match.ts";
import { readSelector, selector } from "./policy-target.ts";
import { namedMatch, textMatch, uriMatch } from "./string-match.ts";

const YEAR_MS = 366 * 86_400_000;
const MAX_REQUESTS = 1_000_000_000;

const per = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 1 || ms > YEAR_MS) {
    context.addIssue('expected a duration from 1ms to a year, such as "1s", "1m" or "24h"');
    return z.NEVER;
  }
  return ms;
});

const key = fields({
  sourceWorkload: fields({}).optional(),
  sourceAddress: fields({}).optional(),
  header: z
    .string()
    .regex(/^[-_A-Za-z0-9]+$/, "expected a header's name")
    .optional(),
}).transform(({ sourceWorkload, sourceAddress, header }, context): RateLimitKey => {
  const given = [sourceWorkload, sourceAddress, header].filter((one) => one !== undefined);
  if (given.length !== 1) {
    context.addIssue(
      "expected exactly one of sourceWorkload: {}, sourceAddress: {} and header: NAME",
    );
  }
  if (header !== undefined) return { kind: "header", name: header.toLowerCase() };
  return { kind: sourceAddress ? "source-address" : "source-workload" };
});

const requestMatch = fields({
  uri: uriMatch.optional(),
  ignoreUriCase: z.boolean().optional(),
  method: textMatch.optional(),
  authority: textMatch.optional(),
  headers: headerMatches.optional(),
  withoutHeaders: headerMatches.optional(),
  queryParams: z.record(z.string().min(1), namedMatch).optional(),
});

const wholeNumber = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && value >= 1 && value <= MAX_REQUESTS,
    `expected a whole number from 1 to ${MAX_REQUESTS}; to let nothing through, write an AuthorizationPolicy`,
  );

const limit = warnIf(
  fields({
    name: documentName.optional(),
    match: z.array(requestMatch).max(64).optional(),
    key: key.optional(),
    requests: wholeNumber,
    per,
    burst: wholeNumber.optional(),
    shadow: z.boolean().optional(),
  }),
  ({ key }) =>
    key?.header === undefined
      ? undefined
      : [
          {
            at: ["key", "header"],
            message:
              "a caller chooses a header's value itself: trust it only behind something that sets it",
          },
        ],
);

const limits = z
  .array(limit)
  .min(1, "expected at least one limit")
  .max(64)
  .superRefine((list, context) => {
    list.forEach(({ name }, index) => {
      if (name === undefined || list.findIndex((other) => other.name === name) === index) return;
      context.addIssue({
        code: "custom",
        path: [index, "name"],
        message: "is an earlier limit's name",
      });
    });
  });

/** Heddle's own RateLimit, counted by each proxy for the workloads it hosts. */
export const RateLimitSchema = documentOf(
  fields({ selector: selector.optional(), limits }),
).transform(
  ({ metadata: { namespace, name }, spec }): RateLimitDocument => ({
    kind: "RateLimit",
    namespace,
    name,
    selector: readSelector(spec.selector),
    limits: spec.limits.map((one, index) => ({
      name: one.name ?? `limit-${index + 1}`,
      matches: (one.match ?? []).flatMap((block) => toRouteMatch(block) ?? []),
      ...(one.key && { key: one.key }),
      requests: one.requests,
      windowMs: one.per,
      burst: one.burst ?? one.requests,
      isShadow: one.shadow ?? false,
    })),
  }),
);
