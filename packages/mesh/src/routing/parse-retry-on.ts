import { RETRY_CONDITIONS, type RetryCondition } from "./retry-policy.ts";

/** What `retryOn` says: conditions, and the status codes it names. */
export type RetryOn = {
  readonly conditions: readonly RetryCondition[];
  readonly statusCodes: readonly number[];
};

/** The codes Go's `http.StatusText` knows, which is what Istio allows. */
const STATUS_CODES: ReadonlySet<number> = new Set([
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

/** `retryOn` holds a word nobody knows. */
export class InvalidRetryOnError extends Error {
  override readonly name = "InvalidRetryOnError";
  readonly code = "HEDDLE_INVALID_RETRY_ON";
  readonly text: string;
  readonly token: string;
  constructor(text: string, token: string) {
    const hint = token === token.trim() ? "" : "; take out the blanks";
    super(
      `${JSON.stringify(token)} is not a valid retryOn policy${hint}; expected a comma-separated list of HTTP status codes and ${RETRY_CONDITIONS.join(", ")}`,
    );
    this.text = text;
    this.token = token;
  }
}

/**
 * Reads a rule's `retryOn` as Istio's validation does: a comma list, not trimmed. A status code brings
 * the condition `retriable-status-codes` with it. Throws `InvalidRetryOnError`.
 */
export function parseRetryOn(text: string): RetryOn {
  return collect(text === "" ? [] : text.split(","), (token) => {
    throw new InvalidRetryOnError(text, token);
  });
}

/** Reads the headers `x-envoy-retry-on` and `-grpc-on` as Envoy does: words it does not know are passed over. */
export function readRetryOnHeader(text: string): RetryOn {
  return collect(
    text.split(",").map((token) => token.trim()),
    () => {},
  );
}

function collect(tokens: readonly string[], onUnknown: (token: string) => void): RetryOn {
  const conditions = new Set<RetryCondition>();
  const statusCodes = new Set<number>();
  for (const token of tokens) {
    if (isCondition(token)) conditions.add(token);
    else if (/^\d{3}$/.test(token) && STATUS_CODES.has(Number(token))) {
      statusCodes.add(Number(token));
    } else onUnknown(token);
  }
  if (statusCodes.size > 0) conditions.add("retriable-status-codes");
  return { conditions: [...conditions], statusCodes: [...statusCodes] };
}

function isCondition(token: string): token is RetryCondition {
  return (RETRY_CONDITIONS as readonly string[]).includes(token);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
