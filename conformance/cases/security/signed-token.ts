import { generateKeyPairSync, sign } from "node:crypto";

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });

export const ISSUER = "https://issuer.test";
/** The public half of what `signToken` signs with. */
export const JWKS = JSON.stringify({
  keys: [{ ...pair.publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256" }],
});

/** A token of the issuer for an hour, with these claims on top. */
export function signToken(claims: Readonly<Record<string, unknown>> = {}): string {
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const parts = [
    { alg: "ES256", kid: "one" },
    { iss: ISSUER, sub: "jo", exp, ...claims },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const signed = Buffer.from(text.join("."));
  const signature = sign("sha256", signed, { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
  return `${text.join(".")}.${signature.toString("base64url")}`;
}

export function bearer(claims?: Readonly<Record<string, unknown>>) {
  return { authorization: `Bearer ${signToken(claims)}` };
}
