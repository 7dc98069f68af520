import type { RateLimit } from "./rate-limit.ts";
import type { RateLimitVerdict } from "./rate-limiter.ts";

type Field = readonly [name: string, value: string];

/**
 * What an answer tells of a limit: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-
 * headers-10), `x-ratelimit-*` as Envoy's draft 3, and `Retry-After` for a refusal that will pass. Times
 * are whole seconds, rounded up.
 */
export function rateLimitFields(
  { name, requests, windowMs }: Pick<RateLimit, "name" | "requests" | "windowMs">,
  { isAllowed, remaining, resetMs, retryAfterMs }: RateLimitVerdict,
): readonly Field[] {
  const policy = quoted(name);
  const window = seconds(windowMs);
  const reset = seconds(isAllowed ? resetMs : Math.max(resetMs, retryAfterMs));
  const hasReset = Number.isFinite(reset);
  const fields: Field[] = [
    ["ratelimit-policy", `${policy};q=${requests};w=${window}`],
    ["ratelimit", hasReset ? `${policy};r=${remaining};t=${reset}` : `${policy};r=${remaining}`],
    ["x-ratelimit-limit", `${requests}, ${requests};w=${window};name=${policy}`],
    ["x-ratelimit-remaining", String(remaining)],
  ];
  if (hasReset) fields.push(["x-ratelimit-reset", String(reset)]);
  const isPassing = !isAllowed && Number.isFinite(retryAfterMs);
  if (isPassing) fields.push(["retry-after", String(Math.max(1, seconds(retryAfterMs)))]);
  return fields;
}

/** A string of structured fields (RFC 9651 §3.3.3): visible ASCII and blanks. */
function quoted(text: string): string {
  const ascii = text.replace(/[^ -~]/g, "?");
  return `"${ascii.replace(/["\\]/g, "\\$&")}"`;
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
