/** Why a token is not taken, in Envoy's words (jwt_verify_lib's status). */
export const REFUSAL = Object.freeze({
  missing: "Jwt is missing",
  badForm: "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
  headerBase64: "Jwt header is an invalid Base64url encoded",
  headerJson: "Jwt header is an invalid JSON",
  headerAlg: "Jwt header [alg] field is required and must be a string",
  headerUnknownAlg: "Jwt header [alg] is not supported",
  headerKid: "Jwt header [kid] field is not a string",
  payloadBase64: "Jwt payload is an invalid Base64url encoded",
  payloadJson: "Jwt payload is an invalid JSON",
  payloadIssuer: "Jwt payload [iss] field is not a string",
  payloadSubject: "Jwt payload [sub] field is not a string",
  payloadAudience: "Jwt payload [aud] field is not a string or string list",
  payloadIssuedAt: "Jwt payload [iat] field is not an integer",
  payloadNotBefore: "Jwt payload [nbf] field is not an integer",
  payloadExpiry: "Jwt payload [exp] field is not an integer",
  signatureBase64: "Jwt signature is an invalid Base64url encoded",
  unknownIssuer: "Jwt issuer is not configured",
  notYetValid: "Jwt not yet valid",
  expired: "Jwt is expired",
  audience: "Audiences in Jwt are not allowed",
  verification: "Jwt verification fails",
  noMatchingKey: "Jwks doesn't have key to match kid or alg from Jwt",
  noValidKeys: "Jwks doesn't have any valid public key",
  keysNotFetched: "Jwks remote fetch is failed",
});
export type Refusal = (typeof REFUSAL)[keyof typeof REFUSAL];

/**
 * The one of several refusals that is told: what is wrong with a token some rule is about, before that
 * no rule knows its issuer, before that none is there.
 */
export function chooseRefusal(refusals: readonly Refusal[]): Refusal {
  const isTelling = (one: Refusal) => one !== REFUSAL.missing && one !== REFUSAL.unknownIssuer;
  return (
    refusals.find(isTelling) ??
    refusals.find((one) => one === REFUSAL.unknownIssuer) ??
    REFUSAL.missing
  );
}
