import { REFUSAL, type Refusal } from "@heddle/mesh";
import type { KeySet, VerificationKey } from "./key-set.ts";
import { parseTokenHeader, type TokenHeader } from "./token-parts.ts";

// Loaded with the first token: most sidecars never see one, and their memory counts.
const loadJose = () => import("jose");

/** A token that names no key is tried with so many. */
const MAX_TRIED_KEYS = 10;

/**
 * Whether one of the keys has signed the token; `undefined`: yes. Which algorithm may be used is said by
 * the key: `none` never, and never a public key as a secret.
 */
export async function verifySignature(token: string, keys: KeySet): Promise<Refusal | undefined> {
  const header = parseTokenHeader(token);
  if (typeof header === "string") return header;
  if (keys.keys.length === 0) return REFUSAL.noValidKeys;
  const candidates = keys.keys.filter((key) => mayVerify(key, header)).slice(0, MAX_TRIED_KEYS);
  if (candidates.length === 0) return REFUSAL.noMatchingKey;
  const { compactVerify, errors } = await loadJose();
  for (const { key } of candidates) {
    try {
      await compactVerify(token, key, { algorithms: [header.algorithm] });
      return undefined;
    } catch (error) {
      if (!(error instanceof errors.JOSEError) && !(error instanceof TypeError)) throw error;
    }
  }
  return REFUSAL.verification;
}

function mayVerify({ kid, algorithms }: VerificationKey, header: TokenHeader): boolean {
  if (!algorithms.includes(header.algorithm)) return false;
  return header.kid === undefined || kid === undefined || kid === header.kid;
}
