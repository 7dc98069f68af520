import { hash } from "node:crypto";
import {
  type CompiledJwtRule,
  checkClaims,
  checkTime,
  REFUSAL,
  type Refusal,
  splitClaims,
  type TokenClaims,
} from "@heddle/mesh";
import { type KeySet, readKeySet } from "./key-set.ts";
import { parseTokenHeader, parseTokenPayload, type TokenPayload } from "./token-parts.ts";
import { verifySignature } from "./verify-signature.ts";

/** Of one rule; the token itself is not kept, only its hash and what it says. */
const MAX_CACHED = 1_000;
const MAX_CACHED_CHARACTERS = 4_096;
/** A key that was withdrawn verifies nothing for longer than this. */
const MAX_CACHED_MS = 300_000;

/** A token that was found good. */
export type VerifiedToken = {
  readonly payload: TokenPayload;
  /** As rules compare them. */
  readonly claims: TokenClaims;
};
type Cached = { readonly verified: VerifiedToken; readonly untilMs: number };

/**
 * Verifies tokens by one rule. What was found good is remembered by the token's SHA-256, up to 5 min: a
 * known token costs a hash and a look-up instead of a signature.
 */
export class TokenVerifier {
  readonly #rule: CompiledJwtRule["rule"];
  readonly #keys: KeySet | undefined;
  /** In the order of their last use. */
  readonly #cache = new Map<string, Cached>();
  readonly #pending = new Map<string, Promise<VerifiedToken | Refusal>>();

  constructor({ rule }: CompiledJwtRule) {
    this.#rule = rule;
    this.#keys = rule.jwks === undefined ? undefined : readKeySet(rule.jwks);
  }

  /** Why keys of the set are not used. */
  get problems(): readonly string[] {
    return this.#keys?.problems ?? [];
  }

  /** At once for a token that is known, or that is refused without looking at its signature. */
  verify(token: string, nowMs: number): VerifiedToken | Refusal | Promise<VerifiedToken | Refusal> {
    const id = hash("sha256", token, "base64");
    const known = this.#lookUp(id, nowMs);
    if (known !== undefined) {
      return checkTime(known.payload.claims, nowMs / 1_000) ?? known;
    }
    const pending = this.#pending.get(id);
    if (pending !== undefined) return pending;
    const verdict = this.#check(token, nowMs);
    if (typeof verdict === "string") return verdict;
    const work = this.#verify(token, id, verdict, nowMs).finally(() => this.#pending.delete(id));
    this.#pending.set(id, work);
    return work;
  }

  /** All but the signature, in Envoy's order: form, issuer, time, audience, keys. */
  #check(token: string, nowMs: number): TokenPayload | Refusal {
    const header = parseTokenHeader(token);
    if (typeof header === "string") return header;
    const payload = parseTokenPayload(token);
    if (typeof payload === "string") return payload;
    const refusal = checkClaims(payload.claims, this.#rule, nowMs / 1_000);
    if (refusal !== undefined) return refusal;
    return this.#keys === undefined ? REFUSAL.keysNotFetched : payload;
  }

  async #verify(
    token: string,
    id: string,
    payload: TokenPayload,
    nowMs: number,
  ): Promise<VerifiedToken | Refusal> {
    if (this.#keys === undefined) return REFUSAL.keysNotFetched;
    const refusal = await verifySignature(token, this.#keys);
    if (refusal !== undefined) return refusal;
    const claims = splitClaims(payload.claims, this.#rule.spaceDelimitedClaims);
    const verified = { payload, claims };
    if (token.length <= MAX_CACHED_CHARACTERS) this.#remember(id, verified, nowMs);
    return verified;
  }

  #lookUp(id: string, nowMs: number): VerifiedToken | undefined {
    const cached = this.#cache.get(id);
    if (cached === undefined) return undefined;
    this.#cache.delete(id);
    if (nowMs >= cached.untilMs) return undefined;
    this.#cache.set(id, cached);
    return cached.verified;
  }

  #remember(id: string, verified: VerifiedToken, nowMs: number): void {
    this.#cache.set(id, { verified, untilMs: nowMs + MAX_CACHED_MS });
    if (this.#cache.size <= MAX_CACHED) return;
    const oldest = this.#cache.keys().next().value;
    if (oldest !== undefined) this.#cache.delete(oldest);
  }
}
