import {
  type CompiledJwtRule,
  compileAuthentication,
  type RequestAuthentication,
} from "@heddle/mesh";
import { checkField } from "../filters/header-edits.ts";
import { TokenVerifier } from "./token-verifier.ts";

/** A rule with its keys, and what it remembers of tokens. */
export type ActiveJwtRule = CompiledJwtRule & { readonly verifier: TokenVerifier };

/** What a workload's RequestAuthentications ask of its callers' tokens. */
export type ActiveAuthentication = {
  readonly rules: readonly ActiveJwtRule[];
  /** Headers that verified tokens fill: whatever a caller sends there is taken out. */
  readonly ownHeaders: readonly string[];
};

/**
 * Reads the keys once. A rule that `previous` had too keeps its verifier: a push about something else must
 * not make every token be verified anew. Throws `TypeError` for a header no proxy may write.
 */
export function compileActiveAuthentication(
  documents: readonly RequestAuthentication[],
  previous: ActiveAuthentication | undefined,
): ActiveAuthentication {
  const kept = new Map(previous?.rules.map((one) => [contentOf(one), one.verifier]));
  const { rules, ownHeaders } = compileAuthentication(documents);
  for (const name of ownHeaders) checkField(name, "");
  return {
    rules: rules.map((rule) => ({
      ...rule,
      verifier: kept.get(contentOf(rule)) ?? new TokenVerifier(rule),
    })),
    ownHeaders: [...ownHeaders],
  };
}

function contentOf({ rule: { issuer, audiences, jwks, spaceDelimitedClaims } }: CompiledJwtRule) {
  return JSON.stringify([issuer, audiences, jwks ?? null, spaceDelimitedClaims]);
}
