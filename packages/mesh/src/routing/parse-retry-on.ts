import { RETRY_CONDITIONS, type RetryCondition } from "./retry-policy.ts";

/** What `retryOn` says: conditions, and the status codes it names. */
export type RetryOn = {
  readonly conditions: readonly RetryCondition[];
  readonly statusCodes: readonly number[];
};

/** `retryOn` holds a word nobody knows. */
export class InvalidRetryOnError extends Error {
  override readonly name = "InvalidRetryOnError";
  readonly code = "HEDDLE_INVALID_RETRY_ON";
  readonly token: string;
  constructor(text: string, token: string) {
    super(
      `retryOn ${JSON.stringify(text)}: ${JSON.stringify(token)} is not known; allowed are HTTP status codes (100–599) and ${RETRY_CONDITIONS.join(", ")}, separated by commas without blanks`,
    );
    this.token = token;
  }
}

/**
 * Reads a rule's `retryOn` as Istio's validation does: a comma list, not trimmed. A status code brings
 * the condition `retriable-status-codes` with it. Throws `InvalidRetryOnError`.
 */
export function parseRetryOn(text: string): RetryOn {
  const parsed = collect(text.split(","), (token) => {
    throw new InvalidRetryOnError(text, token);
  });
  return parsed;
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
    else if (/^[1-5][0-9]{2}$/.test(token)) {
      statusCodes.add(Number(token));
      conditions.add("retriable-status-codes");
    } else onUnknown(token);
  }
  return { conditions: [...conditions], statusCodes: [...statusCodes] };
}

function isCondition(token: string): token is RetryCondition {
  return (RETRY_CONDITIONS as readonly string[]).includes(token);
}
