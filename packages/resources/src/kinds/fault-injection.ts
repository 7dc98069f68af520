import type { FaultAbort, FaultInjection } from "@heddle/mesh";
import { z } from "zod";
import { fields, unserved, warnIf } from "../schema/field-status.ts";
import { count, durationMs, percentBlock } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";

/** gRPC's status codes by number. */
const GRPC_STATUSES = [
  ...["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"],
  ...["ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"],
  ...["ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
  "UNAUTHENTICATED",
];
const NO_SHARE =
  "percentage is not given, which means 0 %: no request is touched; give percentage.value";

const delay = warnIf(
  fields({
    percentage: percentBlock.optional(),
    percent: count({ max: 100, message: "expected a whole percentage from 0 to 100" }).optional(),
    fixedDelay: durationMs.optional(),
    exponentialDelay: unserved("exponentialDelay not supported yet, as in Istio; use fixedDelay"),
  }),
  ({ percentage, percent, fixedDelay }) => {
    if (fixedDelay === undefined) return "names no fixedDelay: nothing is delayed";
    if (percentage?.value !== undefined) return undefined;
    return percent === undefined ? NO_SHARE : "percent is deprecated; use percentage.value";
  },
);

const abort = warnIf(
  fields({
    percentage: percentBlock.optional(),
    httpStatus: z
      .number()
      .refine(
        (status) => Number.isInteger(status) && status >= 200 && status <= 599,
        "HTTP status is not in range 200-599",
      )
      .optional(),
    grpcStatus: z
      .string()
      .refine(
        (name) => GRPC_STATUSES.includes(name),
        `gRPC status is not supported; expected a name in capitals such as "UNAVAILABLE": ${GRPC_STATUSES.join(", ")}`,
      )
      .optional(),
    http2Error: unserved(
      "HTTP/2 abort fault injection not supported yet, as in Istio; use httpStatus",
    ),
  }).refine(
    ({ httpStatus, grpcStatus }) => httpStatus === undefined || grpcStatus === undefined,
    "expected one of httpStatus and grpcStatus, not both",
  ),
  ({ percentage, httpStatus, grpcStatus }) => {
    if (httpStatus === undefined && grpcStatus === undefined) {
      return "abort configured, but error type not set: nothing is aborted; give httpStatus or grpcStatus";
    }
    return percentage?.value === undefined ? NO_SHARE : undefined;
  },
);

const faultFields = { delay: delay.optional(), abort: abort.optional() };
const NEITHER = "HTTP fault injection must have an abort and/or a delay";

/** HTTPFaultInjection. Injected above retries and timeouts, which therefore do not see it, as in Istio. */
export const faultInjection = fields(faultFields)
  .refine((written) => written.delay !== undefined || written.abort !== undefined, NEITHER)
  .transform((written): FaultInjection => toFault(written, "request"));

/** The same with a scope: `upstream` is below the retries, as if the endpoint had failed (heddle.dev/v1). */
export const scopedFault = fields({
  ...faultFields,
  scope: z.enum(["request", "upstream"]).default("request"),
})
  .refine((written) => written.delay !== undefined || written.abort !== undefined, NEITHER)
  .transform((written) => toFault(written, written.scope === "request" ? "request" : "attempt"));

type Written = {
  readonly delay?: z.output<typeof delay> | undefined;
  readonly abort?: z.output<typeof abort> | undefined;
};

function toFault(written: Written, scope: FaultInjection["scope"]): FaultInjection {
  const { delay, abort } = written;
  const fault: FaultInjection = {
    delay:
      delay?.fixedDelay === undefined
        ? undefined
        : { delayMs: delay.fixedDelay, ratio: delay.percentage ?? (delay.percent ?? 0) / 100 },
    abort: abort && toAbort(abort),
    scope,
  };
  return withoutUndefined(fault);
}

function toAbort(abort: NonNullable<Written["abort"]>): FaultAbort | undefined {
  const ratio = abort.percentage ?? 0;
  if (abort.httpStatus !== undefined) return { ratio, httpStatus: abort.httpStatus };
  if (abort.grpcStatus === undefined) return undefined;
  return { ratio, grpcStatus: GRPC_STATUSES.indexOf(abort.grpcStatus) };
}
