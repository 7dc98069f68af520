import { REFUSAL } from "@heddle/mesh";
import type { WorkloadPolicy } from "../core/workload-policy.ts";
import type { ActiveAuthentication } from "../tokens/active-authentication.ts";
import {
  challengeOf,
  rewriteRequest,
  type TokenVerdict,
  type Unauthenticated,
} from "./authentication.ts";
import { CheckedExchange } from "./checked-exchange.ts";
import type { InboundFacts } from "./inbound-facts.ts";

const UNVERIFIABLE: Unauthenticated = {
  kind: "refused",
  reason: REFUSAL.verification,
  details: "jwt_authn_access_denied{Jwt_verification_fails}",
};

/** A request whose token says in whose name it comes, as far as it must (RequestAuthentication). */
export abstract class IdentifiedExchange extends CheckedExchange {
  protected abstract admit(policy: WorkloadPolicy): void;

  protected override identify(policy: WorkloadPolicy): void {
    if (policy.authentication === undefined) this.admit(policy);
    else this.#authenticate(policy, policy.authentication);
  }

  #authenticate(policy: WorkloadPolicy, asked: ActiveAuthentication): void {
    const { side, sequence } = this;
    const verdict = side.authentication.check(asked, this.factsUnder(policy), Date.now());
    if (!(verdict instanceof Promise)) {
      this.#obeyVerdict(policy, asked, verdict);
      return;
    }
    const goOn = (late: TokenVerdict) => {
      if (this.isBusy && this.sequence === sequence) this.#obeyVerdict(policy, asked, late);
    };
    verdict.then(goOn, (error: unknown) => {
      side.parts.logger.error({ workload: side.name, err: error }, "a token could not be verified");
      goOn(UNVERIFIABLE);
    });
  }

  #obeyVerdict(policy: WorkloadPolicy, asked: ActiveAuthentication, verdict: TokenVerdict): void {
    const facts = this.factsUnder(policy);
    if (verdict.kind === "refused") {
      this.#challenge(facts, verdict);
      return;
    }
    if (!this.rewrite((request) => rewriteRequest(request, asked, verdict))) return;
    facts.claims = verdict.kind === "verified" ? verdict.verified.claims : undefined;
    this.admit(policy);
  }

  #challenge(facts: InboundFacts, { reason, details }: Unauthenticated): void {
    this.denial = details;
    const { logger } = this.side.parts;
    const { method, path } = facts;
    const fields = { workload: this.side.name, method, path, details };
    logger.debug(fields, "a request's token was not taken");
    const explanation = this.explain("a RequestAuthentication refuses its token", [
      this.callerWords,
      `details: ${details}`,
    ]);
    this.fail({
      status: 401,
      flag: "-",
      failedBy: "inbound-proxy",
      explanation: `${reason}\n${explanation}`,
      fields: [["www-authenticate", challengeOf(facts, reason)]],
    });
  }
}
