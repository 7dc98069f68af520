import { parseTimeoutMs } from "./deadline.ts";
import { keepsGuard } from "./default-retry-policy.ts";
import { type RetryOn, readRetryOnHeader } from "./parse-retry-on.ts";
import { type CompiledRetry, compileRetry } from "./retry.ts";

/**
 * Headers by which an app asks its own sidecar for another treatment of one request (Envoy's router).
 * The outbound side takes them off and obeys; the inbound side takes them off alone: nobody else may
 * multiply another's traffic.
 */
export const OVERRIDE_HEADERS = [
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
] as const;

/** An app may ask for this many repeats at most; the budget bounds them besides. */
export const MAX_REQUESTED_RETRIES = 10;

type HeaderOf = (name: string) => string | undefined;

/**
 * A request's own retry policy. Envoy adds conditions, codes and names to the route's, and takes
 * `x-envoy-max-retries` instead of its attempts (without a rule's: one). A header that is no number is
 * passed over. Whoever names conditions beyond the default switches the guard off for this request.
 * Call it only when one of the headers is there.
 */
export function overrideRetry(retry: CompiledRetry, header: HeaderOf): CompiledRetry {
  const asked = askedConditions(header);
  const { policy } = retry;
  const conditions = [...new Set([...policy.conditions, ...asked.conditions])];
  const statusCodes = [...new Set([...policy.statusCodes, ...asked.statusCodes])];
  const attempts = readCount(header("x-envoy-max-retries"), MAX_REQUESTED_RETRIES);
  const perTryTimeoutMs = parseTimeoutMs(header("x-envoy-upstream-rq-per-try-timeout-ms"));
  const asksRetry = asked.conditions.length > 0;
  return compileRetry(
    {
      ...policy,
      conditions,
      statusCodes,
      attempts: attempts ?? (policy.attempts === 0 && asksRetry ? 1 : policy.attempts),
      perTryTimeoutMs: perTryTimeoutMs ?? policy.perTryTimeoutMs,
      idempotentOnly: policy.idempotentOnly && keepsGuard(asked),
    },
    [...retry.headerNames, ...readNames(header("x-envoy-retriable-header-names"))],
  );
}

function askedConditions(header: HeaderOf): RetryOn {
  const http = readRetryOnHeader(header("x-envoy-retry-on") ?? "");
  const grpc = readRetryOnHeader(header("x-envoy-retry-grpc-on") ?? "");
  const codes = (header("x-envoy-retriable-status-codes") ?? "")
    .split(",")
    .map((code) => code.trim())
    .filter((code) => /^[1-5][0-9]{2}$/.test(code))
    .map(Number);
  return {
    conditions: [...http.conditions, ...grpc.conditions],
    statusCodes: [...http.statusCodes, ...grpc.statusCodes, ...codes],
  };
}

function readCount(text: string | undefined, most: number): number | undefined {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Math.min(Number(text), most) : undefined;
}

function readNames(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}
