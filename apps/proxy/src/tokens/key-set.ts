import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { z } from "zod";
import { findRsaWeakness } from "./weak-rsa-key.ts";

/** More keys than this of one issuer are not looked at. */
const MAX_KEYS = 100;

const Jwk = z.looseObject({
  kty: z.string(),
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
  crv: z.string().optional(),
  k: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
});
type Jwk = z.infer<typeof Jwk>;
const Jwks = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

/** A key that may verify tokens, and by which algorithms: that is the key's to say, never the token's. */
export type VerificationKey = {
  readonly kid: string | undefined;
  readonly algorithms: readonly string[];
  readonly key: KeyObject;
};

export type KeySet = {
  readonly keys: readonly VerificationKey[];
  /** Why keys of it are not used, one sentence each; nothing of the keys themselves. */
  readonly problems: readonly string[];
};

/** The hash a secret must at least be as long as (RFC 7518 §3.2). */
const SECRETS: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const CURVES: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
};
const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const EDWARDS = ["EdDSA", "Ed25519"];

export const ALGORITHMS: ReadonlySet<string> = new Set([
  ...Object.keys(SECRETS),
  ...Object.values(CURVES),
  ...RSA,
  ...EDWARDS,
]);

/**
 * Reads a JSON Web Key Set (RFC 7517). A key that is no good for signatures is left out; a set that
 * mixes secrets with public keys is not used at all, since either somebody has published a secret or a
 * public key could pass for one. Of a private key only its public part is taken. Never throws.
 */
export function readKeySet(text: string): KeySet {
  const parsed = parseSet(text);
  if (typeof parsed === "string") return { keys: [], problems: [parsed] };
  const keys: VerificationKey[] = [];
  const problems: string[] = [];
  for (const [index, written] of parsed.entries()) {
    const key = readKey(written);
    if (typeof key === "string") problems.push(`keys[${index}]: ${key}`);
    else keys.push(key);
  }
  const secrets = parsed.filter((one) => Jwk.safeParse(one).data?.kty === "oct").length;
  if (secrets > 0 && secrets < parsed.length) {
    return { keys: [], problems: ["public keys and secrets stand in one set: none of it is used"] };
  }
  const ambiguous = findAmbiguous(keys);
  if (ambiguous.size === 0) return { keys, problems };
  const names = [...ambiguous].map((kid) => JSON.stringify(kid)).join(", ");
  return {
    keys: keys.filter(({ kid }) => kid === undefined || !ambiguous.has(kid)),
    problems: [...problems, `several keys of one kind are called ${names}: none of them is used`],
  };
}

function parseSet(text: string): readonly unknown[] | string {
  try {
    const { data, error } = Jwks.safeParse(JSON.parse(text));
    return data === undefined ? `no JSON Web Key Set: ${z.prettifyError(error)}` : data.keys;
  } catch (error) {
    if (error instanceof SyntaxError) return "Jwks is an invalid JSON";
    throw error;
  }
}

/** A name that two keys for one algorithm share says nothing. */
function findAmbiguous(keys: readonly VerificationKey[]): Set<string> {
  const seen = new Set<string>();
  const ambiguous = new Set<string>();
  for (const { kid, algorithms } of keys) {
    if (kid === undefined) continue;
    for (const algorithm of algorithms) {
      const name = JSON.stringify([kid, algorithm]);
      if (seen.has(name)) ambiguous.add(kid);
      seen.add(name);
    }
  }
  return ambiguous;
}

/** Or why it is not used. */
function readKey(written: unknown): VerificationKey | string {
  const { data: jwk } = Jwk.safeParse(written);
  if (jwk === undefined) return "no JSON Web Key";
  if (jwk.use !== undefined && jwk.use !== "sig") return `its use is "${jwk.use}", not "sig"`;
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes("verify")) {
    return `its key_ops (${jwk.key_ops.join(", ")}) do not include verify`;
  }
  const { kid } = jwk;
  try {
    const algorithms = algorithmsOf(jwk);
    if (algorithms.length === 0) {
      return `kty ${jwk.kty}, crv ${jwk.crv ?? "none"}, alg ${jwk.alg ?? "none"}: no known algorithm`;
    }
    return jwk.kty === "oct" ? readSecret(jwk, algorithms) : readPublic(jwk, algorithms, kid);
  } catch {
    // What OpenSSL says of a broken key may quote it.
    return "its parts are no key, such as a point beside its curve";
  }
}

/** What the key itself says it is for; without `alg`, all its kind can do. */
function algorithmsOf({ kty, crv = "", alg }: Jwk): readonly string[] {
  const possible = possibleAlgorithms(kty, crv);
  if (alg === undefined) return possible;
  // A common slip of the pen: the curve's name in the place of the hash's.
  if (alg === "ES521" && crv === "P-521") return possible;
  if (!possible.includes(alg)) return [];
  // RFC 7520 §4.2 verifies PS384 by a key for PS256: a longer hash than was asked for is no weaker.
  return kty === "RSA"
    ? RSA.filter((one) => one.slice(0, 2) === alg.slice(0, 2) && one >= alg)
    : [alg];
}

function possibleAlgorithms(kty: string, crv: string): readonly string[] {
  switch (kty) {
    case "oct":
      return Object.keys(SECRETS);
    case "RSA":
      return RSA;
    case "EC": {
      const algorithm = CURVES[crv];
      return algorithm === undefined ? [] : [algorithm];
    }
    case "OKP":
      return crv === "Ed25519" ? EDWARDS : [];
    default:
      return [];
  }
}

function readSecret({ kid, k = "" }: Jwk, algorithms: readonly string[]): VerificationKey | string {
  const secret = Buffer.from(k, "base64url");
  const usable = algorithms.filter((one) => secret.length >= (SECRETS[one] ?? Number.NaN));
  if (usable.length === 0) {
    return `a secret of ${secret.length} bytes is too short for ${algorithms.join(", ")}`;
  }
  return { kid, algorithms: usable, key: createSecretKey(secret) };
}

function readPublic(
  { kty, crv, n, e, x, y }: Jwk,
  algorithms: readonly string[],
  kid: string | undefined,
): VerificationKey | string {
  if (kty === "RSA") {
    const part = (text = "") => Buffer.from(text, "base64url");
    const weakness = findRsaWeakness(part(n), part(e));
    if (weakness !== undefined) return weakness;
  }
  const parts = { kty, crv, n, e, x, y };
  const key = createPublicKey({
    key: Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined)),
    format: "jwk",
  });
  return { kid, algorithms, key };
}
