import type { RequestParser } from "@heddle/http1";
import {
  chooseRefusal,
  type FoundToken,
  findClaim,
  findTokens,
  formatClaim,
  REFUSAL,
  type Refusal,
  withoutCookie,
  withoutParameter,
} from "@heddle/mesh";
import type { EventCounter, TrafficRecorder } from "../core/traffic-recorder.ts";
import { HeaderEdits, mayChange } from "../filters/header-edits.ts";
import type { ActiveAuthentication, ActiveJwtRule } from "../tokens/active-authentication.ts";
import type { VerifiedToken } from "../tokens/token-verifier.ts";
import { type InboundFacts, valuesOf } from "./inbound-facts.ts";

/** A request may go on: with a token that was found good, or without any. */
export type Authenticated =
  | { readonly kind: "without-token" }
  | {
      readonly kind: "verified";
      readonly rule: ActiveJwtRule;
      readonly verified: VerifiedToken;
      /** Where the tokens of that rule stood. */
      readonly tokens: readonly FoundToken[];
    };
export type Unauthenticated = {
  readonly kind: "refused";
  readonly reason: Refusal;
  /** Envoy's response code details. */
  readonly details: string;
};
export type TokenVerdict = Authenticated | Unauthenticated;

const WITHOUT_TOKEN: Authenticated = { kind: "without-token" };
const MAX_REALM_CHARACTERS = 256;

/** Holds a workload's callers to its RequestAuthentications and counts what came of it. */
export class Authentication {
  readonly #recorder: TrafficRecorder;
  readonly #workload: string;
  readonly #counters = new Map<string, EventCounter>();

  constructor(recorder: TrafficRecorder, workload: string) {
    this.#recorder = recorder;
    this.#workload = workload;
  }

  /**
   * Istio's requirement: the tokens at some rule's places are good, or no place holds any and no rule
   * demands one. The first rule that is met speaks for the request. At once unless a signature has to be verified.
   */
  check(
    { rules }: ActiveAuthentication,
    facts: InboundFacts,
    nowMs: number,
  ): TokenVerdict | Promise<TokenVerdict> {
    if (isPreflight(facts)) return WITHOUT_TOKEN;
    const refusals: Refusal[] = [];
    let isMissingAllowed = true;
    for (let index = 0; index < rules.length; index++) {
      const rule = rules[index] as ActiveJwtRule;
      const tokens = findTokens(rule, facts);
      if (tokens.length === 0) {
        refusals.push(REFUSAL.missing);
        isMissingAllowed &&= !rule.rule.isRequired;
        continue;
      }
      isMissingAllowed = false;
      const verdict = verifyAll(rule, tokens, nowMs);
      if (verdict instanceof Promise) {
        return this.#checkOn(rules, facts, nowMs, { index, refusals, verdict, tokens });
      }
      if (typeof verdict !== "string") return this.#accept(rule, verdict, tokens);
      refusals.push(verdict);
    }
    return this.#conclude(refusals, isMissingAllowed);
  }

  /** The same from a rule on whose tokens' signatures are being verified; some token is there. */
  async #checkOn(
    rules: readonly ActiveJwtRule[],
    facts: InboundFacts,
    nowMs: number,
    from: {
      readonly index: number;
      readonly refusals: Refusal[];
      readonly verdict: Promise<VerifiedToken | Refusal>;
      readonly tokens: readonly FoundToken[];
    },
  ): Promise<TokenVerdict> {
    const { refusals } = from;
    // Looked for now: while a signature is verified the head may be another request's.
    const rest = rules
      .slice(from.index + 1)
      .map((rule) => ({ rule, tokens: findTokens(rule, facts) }));
    const first = await from.verdict;
    const rule = rules[from.index] as ActiveJwtRule;
    if (typeof first !== "string") return this.#accept(rule, first, from.tokens);
    refusals.push(first);
    for (const { rule, tokens } of rest) {
      const verdict = tokens.length === 0 ? REFUSAL.missing : await verifyAll(rule, tokens, nowMs);
      if (typeof verdict !== "string") return this.#accept(rule, verdict, tokens);
      refusals.push(verdict);
    }
    return this.#conclude(refusals, false);
  }

  #accept(
    rule: ActiveJwtRule,
    verified: VerifiedToken,
    tokens: readonly FoundToken[],
  ): Authenticated {
    this.#count("verified", "none");
    return { kind: "verified", rule, verified, tokens };
  }

  #conclude(refusals: readonly Refusal[], isMissingAllowed: boolean): TokenVerdict {
    if (isMissingAllowed) {
      this.#count("without_token", "none");
      return WITHOUT_TOKEN;
    }
    const reason = chooseRefusal(refusals);
    this.#count("refused", reason);
    const details = `jwt_authn_access_denied{${reason.replaceAll(" ", "_")}}`;
    return { kind: "refused", reason, details };
  }

  #count(outcome: string, reason: string): void {
    const key = `${outcome} ${reason}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      const labels = { workload: this.#workload, outcome, reason };
      counter = this.#recorder.counter("heddle_authentication_total", labels);
      this.#counters.set(key, counter);
    }
    counter.add(1);
  }
}

/** All tokens at a rule's places must be good: an app might believe the one that is not. */
function verifyAll(
  { verifier }: ActiveJwtRule,
  tokens: readonly FoundToken[],
  nowMs: number,
): VerifiedToken | Refusal | Promise<VerifiedToken | Refusal> {
  const [first, ...others] = tokens;
  if (first === undefined) return REFUSAL.missing;
  const verdict = verifier.verify(first.token, nowMs);
  if (others.length === 0) return verdict;
  return (async () => {
    const verified = await verdict;
    if (typeof verified === "string") return verified;
    for (const { token } of others) {
      const other = await verifier.verify(token, nowMs);
      if (typeof other === "string") return other;
    }
    return verified;
  })();
}

/** A browser asks without credentials (Istio: bypass_cors_preflight). */
function isPreflight(facts: InboundFacts): boolean {
  if (facts.method !== "OPTIONS") return false;
  return Boolean(facts.header("origin") && facts.header("access-control-request-method"));
}

/**
 * The request as it goes on: without what a caller wrote into headers that are ours to fill, without a
 * token that ends here, with what rules say of it. Throws `Http1Error` where that is no head any more.
 */
export function rewriteRequest(
  request: RequestParser,
  { ownHeaders }: ActiveAuthentication,
  verdict: Authenticated,
): void {
  const { fields } = request;
  const edits = new HeaderEdits(fields);
  for (const name of ownHeaders) if (fields.indexOf(name, 0) >= 0) edits.remove(name);
  let { path } = request;
  if (verdict.kind === "verified") {
    const { rule, verified, tokens } = verdict;
    if (!rule.rule.forwardsToken) path = takeTokens(edits, request, tokens);
    writeClaims(edits, rule, verified);
  }
  if (edits.isEmpty && path === request.path) return;
  request.replace(edits.headOf(request, path));
}

function takeTokens(
  edits: HeaderEdits,
  { fields, path }: RequestParser,
  tokens: readonly FoundToken[],
): string {
  let left = path;
  const cookies: string[] = [];
  for (const { place } of tokens) {
    if (place.kind === "cookie") cookies.push(place.name);
    else if (place.kind === "param") left = takeParameter(left, place.name);
    else if (mayChange(place.name)) edits.remove(place.name);
  }
  if (cookies.length === 0) return left;
  edits.remove("cookie");
  for (const line of valuesOf(fields, "cookie")) {
    const kept = cookies.reduce<string | undefined>(
      (rest, name) => (rest === undefined ? undefined : withoutCookie(rest, name)),
      line,
    );
    if (kept !== undefined) edits.append("cookie", kept);
  }
  return left;
}

function takeParameter(path: string, name: string): string {
  const mark = path.indexOf("?");
  if (mark < 0) return path;
  const query = withoutParameter(path.slice(mark + 1), name);
  return query === undefined ? path.slice(0, mark) : `${path.slice(0, mark)}?${query}`;
}

function writeClaims(edits: HeaderEdits, rule: ActiveJwtRule, { payload }: VerifiedToken): void {
  const { payloadHeader } = rule.rule;
  if (payloadHeader !== undefined) edits.set(payloadHeader, payload.text);
  for (const { header, path } of rule.claimHeaders) {
    const value = formatClaim(findClaim(payload.claims, path));
    const text = value === undefined ? undefined : toFieldValue(value);
    if (text !== undefined) edits.append(header, text);
  }
}

/** In UTF-8, as the token says it; `undefined`: it holds what no field may, such as a line end. */
function toFieldValue(text: string): string | undefined {
  const value = Buffer.from(text, "utf8").toString("latin1").trim();
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(value) ? value : undefined;
}

/** RFC 6750 §3, as Envoy writes it; without the query, where a token may stand. */
export function challengeOf(facts: InboundFacts, reason: Refusal): string {
  const uri = `${facts.scheme}://${facts.authority}${facts.path}`.slice(0, MAX_REALM_CHARACTERS);
  const realm = `Bearer realm="${uri.replace(/["\\]/g, "\\$&")}"`;
  return reason === REFUSAL.missing ? realm : `${realm}, error="invalid_token"`;
}
