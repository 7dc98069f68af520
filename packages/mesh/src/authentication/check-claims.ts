import { REFUSAL, type Refusal } from "./refusal.ts";
import type { JwtRule } from "./request-authentication.ts";
import type { TokenClaims } from "./token-claims.ts";

/** Clocks may differ by so much (Envoy's `clock_skew_seconds`). */
export const CLOCK_SKEW_SECONDS = 60;

/** What a payload must look like for anybody (RFC 7519 §4.1); `undefined`: it does. */
export function checkClaimTypes(claims: TokenClaims): Refusal | undefined {
  const { iss, sub, aud } = claims;
  if (iss !== undefined && typeof iss !== "string") return REFUSAL.payloadIssuer;
  if (sub !== undefined && typeof sub !== "string") return REFUSAL.payloadSubject;
  if (!isTime(claims["iat"])) return REFUSAL.payloadIssuedAt;
  if (!isTime(claims["nbf"])) return REFUSAL.payloadNotBefore;
  if (!isTime(claims["exp"])) return REFUSAL.payloadExpiry;
  const isAudience =
    aud === undefined ||
    typeof aud === "string" ||
    (Array.isArray(aud) && aud.every((one) => typeof one === "string"));
  return isAudience ? undefined : REFUSAL.payloadAudience;
}

/** What a rule asks of a payload `checkClaimTypes` has found good: issuer, time, audience, in Envoy's order. */
export function checkClaims(
  claims: TokenClaims,
  { issuer, audiences }: Pick<JwtRule, "issuer" | "audiences">,
  nowSeconds: number,
): Refusal | undefined {
  if (issuer !== "" && (claims["iss"] ?? "") !== issuer) return REFUSAL.unknownIssuer;
  const wrongTime = checkTime(claims, nowSeconds);
  if (wrongTime !== undefined) return wrongTime;
  if (audiences.length === 0) return undefined;
  const wanted = new Set(audiences.map(plainAudience));
  const { aud } = claims;
  const given = typeof aud === "string" ? [aud] : ((aud ?? []) as readonly string[]); // checked before
  return given.some((one) => wanted.has(plainAudience(one))) ? undefined : REFUSAL.audience;
}

/** Whether now is the time of a token; also asked of one that was verified before. */
export function checkTime(claims: TokenClaims, nowSeconds: number): Refusal | undefined {
  const { nbf, exp } = claims;
  if (typeof nbf === "number" && nbf > nowSeconds + CLOCK_SKEW_SECONDS) return REFUSAL.notYetValid;
  if (typeof exp === "number" && nowSeconds > exp + CLOCK_SKEW_SECONDS) return REFUSAL.expired;
  return undefined;
}

function isTime(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && Number.isFinite(value) && value >= 0);
}

/** Envoy compares audiences without scheme and without a slash at their end. */
function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
