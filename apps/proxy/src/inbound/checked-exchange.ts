import type { FieldBlock } from "@heddle/http1";
import type { ExternalAuthorizer, RuleName } from "@heddle/mesh";
import type { CustomAuthorization } from "../core/custom-authorization.ts";
import type { WorkloadPolicy } from "../core/workload-policy.ts";
import {
  allFields,
  bodyFor,
  type CheckVerdict,
  deniedByCustom,
  putFields,
} from "./external-authorization.ts";
import { ReceivedExchange } from "./received-exchange.ts";

type DeniedCheck = Extract<CheckVerdict, { kind: "denied" }>;
type AllowedCheck = Extract<CheckVerdict, { kind: "allowed" }>;
type Gather = {
  readonly maxBytes: number;
  readonly policy: WorkloadPolicy;
  readonly authorizer: ExternalAuthorizer;
  readonly rule: RuleName;
};

/** A request that somebody else may have to decide on first (CUSTOM policies). */
export abstract class CheckedExchange extends ReceivedExchange {
  /** What an authorizer adds to the answer; `undefined`: nothing. */
  protected granted: readonly (readonly [name: string, value: string])[] | undefined;
  /** A body is read for an authorizer to see. */
  #gather: Gather | undefined;
  /** Of the check under way. */
  #cancelCheck: (() => void) | undefined;

  /** Nobody else has anything against it. */
  protected abstract identify(policy: WorkloadPolicy): void;

  protected override forget(): void {
    super.forget();
    this.granted = undefined;
  }

  protected override consider(policy: WorkloadPolicy): void {
    if (policy.custom === undefined) this.identify(policy);
    else this.#askOthers(policy, policy.custom);
  }

  /** What a CUSTOM rule takes in is for somebody else to decide on first. */
  #askOthers(policy: WorkloadPolicy, custom: CustomAuthorization): void {
    const facts = this.factsUnder(policy);
    const rule = this.side.authorization.findCustom(custom, facts);
    const { authorizer, problem } = custom;
    if (problem !== undefined) this.#refuseUndecided(403, "-", problem, rule);
    else if (rule === undefined || authorizer === undefined) this.identify(policy);
    else if (authorizer.body === undefined || this.isRequestComplete) {
      this.#check(policy, authorizer, rule);
    } else {
      this.#gather = { maxBytes: authorizer.body.maxBytes, policy, authorizer, rule };
      if (this.request.expectsContinue) {
        this.downstream.startHead().text("HTTP/1.1 100 Continue\r\n");
        this.downstream.endInformational();
      }
    }
  }

  // A body an authorizer is to see is read before there is an app to take it.

  override get isHoldingBody(): boolean {
    return this.#gather === undefined && super.isHoldingBody;
  }

  override onBody(bytes: Buffer, start: number, end: number): void {
    super.onBody(bytes, start, end);
    const gather = this.#gather;
    if (gather !== undefined && this.requestBytes > gather.maxBytes) this.#endGathering(gather);
  }

  override onRequestEnd(trailers: FieldBlock | undefined): void {
    super.onRequestEnd(trailers);
    if (this.#gather !== undefined) this.#endGathering(this.#gather);
  }

  #endGathering({ policy, authorizer, rule }: Gather): void {
    this.#gather = undefined;
    this.#check(policy, authorizer, rule);
  }

  #check(policy: WorkloadPolicy, authorizer: ExternalAuthorizer, rule: RuleName): void {
    const { request, sequence, side } = this;
    const body = bodyFor(authorizer, this.keptBody);
    if (body === "too-long") {
      const max = authorizer.body?.maxBytes;
      this.#refuseUndecided(413, "-", `a body of more than ${max} bytes cannot be checked`, rule);
      return;
    }
    const check = {
      ...{ method: request.method, path: request.path, authority: request.authority ?? "" },
      ...{ fields: allFields(request.fields), body },
    };
    this.#cancelCheck = side.externalAuthorization.ask(authorizer, check, (verdict) => {
      this.#cancelCheck = undefined;
      if (!this.isBusy || this.sequence !== sequence) return;
      if (verdict.kind === "failed") this.#onCheckFailed(policy, authorizer, rule, verdict.reason);
      else if (verdict.kind === "denied") this.#onCheckDenied(rule, verdict);
      else this.#onCheckAllowed(policy, verdict);
    });
  }

  #onCheckFailed(
    policy: WorkloadPolicy,
    { name, failsOpen, statusOnError }: ExternalAuthorizer,
    rule: RuleName,
    reason: string,
  ): void {
    const { parts, name: workload } = this.side;
    if (this.side.externalAuthorization.mayComplain(performance.now())) {
      parts.logger.warn({ workload, provider: name, reason, failsOpen }, "nobody could authorize");
    }
    if (failsOpen) this.identify(policy);
    else {
      const why = `the extension provider ${name} could not decide`;
      this.#refuseUndecided(statusOnError, "UAEX", why, rule);
    }
  }

  #onCheckDenied(rule: RuleName, { status, fields, body }: DeniedCheck): void {
    this.denial = "ext_authz_denied";
    this.denied = deniedByCustom(rule);
    this.respond({
      status,
      fields: [...fields, ["x-heddle-origin", this.origin], ["x-heddle-flags", "UAEX"]],
      body: body.length === 0 ? undefined : body,
      flag: "UAEX",
      failedBy: status >= 400 ? "inbound-proxy" : "",
    });
  }

  #onCheckAllowed(policy: WorkloadPolicy, { toUpstream, toDownstream }: AllowedCheck): void {
    if (toDownstream.length > 0) this.granted = toDownstream;
    if (toUpstream.length > 0 && !this.rewrite((request) => putFields(request, toUpstream))) return;
    this.identify(policy);
  }

  #refuseUndecided(
    status: number,
    flag: "-" | "UAEX",
    why: string,
    rule: RuleName | undefined,
  ): void {
    this.denial = flag === "UAEX" ? "ext_authz_error" : "rbac_access_denied_matched_policy[none]";
    if (rule !== undefined) this.denied = deniedByCustom(rule);
    const policy =
      rule === undefined ? [] : [`policy: ${rule.namespace}/${rule.policy}, rule ${rule.rule}`];
    const explanation = this.explain(why, [...policy, `details: ${this.denial}`]);
    this.fail({
      status,
      flag,
      failedBy: "inbound-proxy",
      explanation: `RBAC: access denied\n${explanation}`,
    });
  }

  protected override get awaited(): string {
    return this.#cancelCheck === undefined ? super.awaited : "an extension provider";
  }

  protected override endTime(): void {
    super.endTime();
    this.#gather = undefined;
    if (this.#cancelCheck === undefined) return;
    this.#cancelCheck();
    this.#cancelCheck = undefined;
  }
}
