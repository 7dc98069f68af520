import type { FieldMask, OutBuffer } from "@heddle/http1";
import type { FaultAbort } from "@heddle/mesh";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { Outcome } from "../transport/answering-exchange.ts";
import { CLAIM_FIELD } from "../transport/claimed-peer.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { type Flag, type Flags, joinFlags } from "../transport/failure.ts";
import { isGrpcFailure } from "../transport/grpc-answer.ts";
import { HttpExchange } from "../transport/http-exchange.ts";
import type { UpstreamStream } from "../transport/upstream-stream.ts";
import { ExchangeFacts } from "./exchange-facts.ts";
import { explain } from "./explanation.ts";
import { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";
import { reportOutcome } from "./outcome-report.ts";
import { writeRequestHead } from "./request-head.ts";
import { responseMaskOf, writeResponseFields } from "./response-head.ts";
import { statusOfAbort } from "./route-actions.ts";

type Field = readonly [name: string, value: string];

/**
 * What an exchange on the way out of a workload says: to the next hop in the request's head, to the app
 * in the answer's, in failures and injected ones, and to the recorder at its end.
 */
export abstract class ReportingExchange extends HttpExchange {
  protected readonly ownBlame: FailedBy = "outbound-proxy";
  protected readonly cutBlame: FailedBy = "network";
  protected readonly side: OutboundSide;
  protected readonly asked: OutboundRequest;
  protected readonly facts: ExchangeFacts;

  constructor(side: OutboundSide, fixedHost: string | undefined) {
    super(processClock, side.timeouts, side.limits);
    this.side = side;
    this.asked = new OutboundRequest(this.request, fixedHost);
    this.facts = new ExchangeFacts(this.asked, this.trace, side);
  }

  override get origin(): string {
    return this.side.origin;
  }

  // ---- Heads ----

  protected override writeRequestHead(out: OutBuffer): void {
    const { live } = this.asked;
    if (live !== undefined) live.workload.lastSendAtMs = Date.now();
    writeRequestHead(out, this.asked, this.trace, this.facts);
    if (live?.isPlaintext === true) out.field(CLAIM_FIELD, this.side.claim);
    if (this.request.isUpgrade) this.writeUpgrade(out);
  }

  protected override responseMask(): FieldMask {
    return responseMaskOf(this.asked);
  }

  protected override writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void {
    writeResponseFields(out, this.asked, this.facts, upstream);
  }

  // ---- Injected faults ----

  protected delay(delayMs: number, next: () => void): void {
    if (delayMs === 0) {
      next();
      return;
    }
    this.asked.flags = joinFlags(this.asked.flags, "DI");
    this.countFault("delay");
    this.after(delayMs, next);
  }

  protected abort(abort: FaultAbort): void {
    this.countFault("abort");
    const { status, fields } = statusOfAbort(abort, this.asked.isGrpc);
    const why = `the answer ${status} is injected by the rule's fault; no endpoint was asked`;
    this.failWith(status, "FI", why, "outbound-proxy", fields);
  }

  protected countFault(outcome: "delay" | "abort"): void {
    const service = this.asked.destination?.service ?? this.asked.view?.service;
    if (service) this.side.counts.add("heddle_faults_total", service, outcome);
  }

  // ---- Words and numbers ----

  protected failWith(
    status: number,
    flag: Flag,
    why: string,
    failedBy: FailedBy = "outbound-proxy",
    fields?: readonly Field[],
  ): void {
    const { asked } = this;
    const flags = joinFlags(flag, asked.flags);
    const explanation = explain(this.origin, asked, why);
    this.fail({ status, flag: flags, failedBy, explanation, fields });
  }

  protected override explainTimeout(): string {
    return explain(this.origin, this.asked, this.asked.bound?.describe() ?? "out of time");
  }

  protected override onCut(reason: string): void {
    const { authority: host, targetName: target } = this.asked;
    this.side.parts.logger.warn({ host, target, reason }, "a response broke off");
  }

  protected override blameOf(status: number): FailedBy {
    if (status < 500 && !isGrpcFailure(this.grpcStatus)) return "";
    return this.asked.responseOrigin.startsWith("inbound-proxy") ? "inbound-proxy" : "app";
  }

  protected override flagOfResponse(): string {
    const { flags, responseFlags } = this.asked;
    return flags === "-" ? responseFlags : joinFlags(responseFlags as Flags, flags);
  }

  protected override onOutcome(outcome: Outcome): void {
    reportOutcome(this.side, this.asked, this.trace, this, outcome);
  }
}
