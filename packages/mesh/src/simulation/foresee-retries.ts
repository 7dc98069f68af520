import { DEFAULT_RETRY_POLICY } from "../routing/default-retry-policy.ts";
import {
  type CompiledRetry,
  compileRetry,
  maySendAgain,
  retriesFailure,
  retriesResponse,
  type TryFailure,
} from "../routing/retry.ts";
import type { RetryPolicy } from "../routing/retry-policy.ts";

/** What a span tells of a request's tries. */
export type RecordedTries = {
  readonly method: string;
  /** 0: no answer. */
  readonly status: number;
  readonly flags: string;
  /** Tries beyond the first. */
  readonly retries: number;
};

/**
 * What other retries would have made of a request that went to the same place: `retried`: it failed, and would be
 * tried again, with what end nobody knows; `not-retried`: a later try saved it, which the rules would not make.
 * `undefined`: nothing else. A budget that is spent, and a body that cannot be sent again, are not known.
 */
export function foreseeRetries(
  tries: RecordedTries,
  before: RetryPolicy = DEFAULT_RETRY_POLICY,
  after: RetryPolicy = DEFAULT_RETRY_POLICY,
): "retried" | "not-retried" | undefined {
  const { status, retries } = tries;
  const isSaved = retries > 0 && status > 0 && status < 500;
  if (isSaved) return after.attempts < retries ? "not-retried" : undefined;
  if (after.attempts <= retries || !retriesEnd(after, tries)) return undefined;
  const wasPossible = before.attempts > retries && retriesEnd(before, tries);
  return wasPossible ? undefined : "retried";
}

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

function retriesEnd(policy: RetryPolicy, { method, status, flags }: RecordedTries): boolean {
  const end = endOf(status, flags);
  if (end === undefined || !maySendAgain(policy, IDEMPOTENT.has(method), end)) return false;
  const retry: CompiledRetry = compileRetry(policy);
  if (end !== "response") return retriesFailure(retry, end);
  return retriesResponse(retry, { status, header: () => undefined });
}

/** Envoy's flags of ends without a response from upstream. */
const FAILURES: Readonly<Record<string, TryFailure>> = {
  UF: "connect-failure",
  UC: "reset",
  UR: "reset",
};

/** `undefined`: the proxy ended it by itself (no route, an injected fault, a timeout, nobody there). */
function endOf(status: number, flags: string): TryFailure | "response" | undefined {
  const [flag, ...more] = flags.split(",").filter((one) => one !== "-" && one !== "URX");
  if (flag === undefined) return status === 0 ? undefined : "response";
  return more.length === 0 ? FAILURES[flag] : undefined;
}
