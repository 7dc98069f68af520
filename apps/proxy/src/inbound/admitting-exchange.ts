import type { WorkloadPolicy } from "../core/workload-policy.ts";
import type { FilterChain } from "../filters/active-filter.ts";
import { FilterRun } from "../filters/filter-run.ts";
import { ShadowNote } from "./authorization.ts";
import { IdentifiedExchange } from "./identified-exchange.ts";
import { InboundFilterHost } from "./inbound-filter-host.ts";
import { RateLimitNote } from "./rate-limits.ts";

/**
 * A caller's request on its way to the app:
 *
 *   normalise → bound → ask others → authenticate → authorize → limit → filter → attempt → …
 *
 * Each step may end in an answer. What a workload has no rules for is passed by. The first four are the
 * classes below this one, in that order.
 */
export abstract class AdmittingExchange extends IdentifiedExchange {
  #shadowNote: ShadowNote | undefined;
  #filterHost: InboundFilterHost | undefined;
  /** Made with the first request a limit holds for. */
  #limitNote: RateLimitNote | undefined;

  /** Hands the request that was let in to the app. */
  protected abstract attempt(): void;

  protected override forget(): void {
    super.forget();
    this.#limitNote?.clear();
  }

  protected override admit(policy: WorkloadPolicy): void {
    if (policy.authorization !== undefined && !this.#authorize(policy)) return;
    if (policy.rateLimits !== undefined && !this.#limit(policy)) return;
    const { inbound } = policy.filters;
    if (inbound === undefined) this.attempt();
    else this.#filterBy(inbound);
  }

  #filterBy(chain: FilterChain): void {
    this.#filterHost ??= new InboundFilterHost(this.request, this.side, this.caller);
    const voice = { origin: this.origin, blame: this.ownBlame };
    this.filter(new FilterRun(chain, this.#filterHost, voice), () => this.attempt());
  }

  // ---- What the rules say ----

  #authorize(policy: WorkloadPolicy): boolean {
    const { authorization, parts, name } = this.side;
    if (policy.authorization === undefined) return true;
    const facts = this.factsUnder(policy);
    this.#shadowNote ??= new ShadowNote();
    this.#shadowNote.clear();
    const denial = authorization.checkRequest(policy.authorization, facts, this.#shadowNote);
    this.denied = denial?.by ?? this.#shadowNote.denied;
    if (denial === undefined) return true;
    const { details, lines } = denial;
    this.denial = details;
    const { method, path } = facts;
    parts.logger.debug({ workload: name, method, path, details }, "a request was not allowed");
    const explanation = this.explain("an AuthorizationPolicy refuses it", [
      this.callerWords,
      ...lines,
      `details: ${details}`,
    ]);
    this.fail({
      status: 403,
      flag: "-",
      failedBy: "inbound-proxy",
      explanation: `RBAC: access denied\n${explanation}`,
    });
    return false;
  }

  #limit(policy: WorkloadPolicy): boolean {
    if (policy.rateLimits === undefined) return true;
    this.#limitNote ??= new RateLimitNote();
    const note = this.#limitNote;
    const facts = this.factsUnder(policy);
    this.side.rateLimits.take(policy.rateLimits, facts, performance.now(), note);
    const { limit, isAllowed } = note;
    if (isAllowed || limit === undefined) return true;
    const share = limit.key === undefined ? "" : `, counted by ${limit.key.kind}`;
    const explanation = this.explain("a rate limit is reached", [
      `rule: ${limit.rule}, limit "${limit.name}"`,
      `allowed: ${limit.requests} in ${limit.windowMs} ms, at most ${limit.burst} at once${share}`,
    ]);
    this.fail({
      status: 429,
      flag: "RL",
      failedBy: "inbound-proxy",
      explanation: `local_rate_limited\n${explanation}`,
      fields: [...note.fields, ["x-envoy-ratelimited", "true"]],
    });
    return false;
  }

  /** Whether a limit holds for the request, of which its answer tells. */
  protected get isLimited(): boolean {
    return this.#limitNote?.limit !== undefined;
  }

  protected get limitFields(): readonly (readonly [name: string, value: string])[] {
    return this.#limitNote?.fields ?? [];
  }
}
