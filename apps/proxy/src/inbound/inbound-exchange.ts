import { FIELD, type FieldMask, fieldMask, isIdempotent, type OutBuffer } from "@heddle/http1";
import { admitRequest, describeOverflow, type PoolUsage } from "@heddle/mesh";
import type { FailedBy, SpanRecord } from "../core/traffic-recorder.ts";
import type { Outcome } from "../transport/answering-exchange.ts";
import { parseClaim } from "../transport/claimed-peer.ts";
import { flagOf, type UpstreamFault } from "../transport/failure.ts";
import { isGrpcFailure } from "../transport/grpc-answer.ts";
import { PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { SeriesTable } from "../transport/series-table.ts";
import type { UpstreamSource, UpstreamStream } from "../transport/upstream-stream.ts";
import { AdmittingExchange } from "./admitting-exchange.ts";
import type { AppAdmission } from "./app-pools.ts";
import type { MeshPeer } from "./peer-certificate.ts";
import { RATE_LIMIT_FIELDS } from "./rate-limits.ts";

const MAX_ATTEMPTS = 3;

const OWN_FIELDS = [
  FIELD.host,
  PROXY_FIELD.traceparent,
  PROXY_FIELD.requestId,
  PROXY_FIELD.forwardedProto,
  PROXY_FIELD.clientCert,
  PROXY_FIELD.peerMetadata,
  PROXY_FIELD.peerMetadataId,
  PROXY_FIELD.origin,
  PROXY_FIELD.flags,
];
/** What is withheld from the app; state without a valid trace goes with the trace it belonged to. */
function masksOf(fields: readonly number[]) {
  return {
    traced: fieldMask(fields, { isHopByHop: true }),
    untraced: fieldMask([...fields, PROXY_FIELD.tracestate], { isHopByHop: true }),
  };
}
/** A sidecar's attempt count is passed on, a stranger's is not. */
const MESH_MASKS = masksOf(OWN_FIELDS);
const PLAINTEXT_MASKS = masksOf([...OWN_FIELDS, PROXY_FIELD.attemptCount]);
/** The app cannot say that a proxy failed. */
const RESPONSE_MASK = fieldMask([PROXY_FIELD.origin, PROXY_FIELD.flags], { isHopByHop: true });

/** A caller's request that was let in, and its answer: attempts at the app, heads, and what is counted. */
export class InboundExchange extends AdmittingExchange {
  protected readonly cutBlame: FailedBy = "app";
  #series: SeriesTable | undefined;
  #seriesGeneration = -1;
  #pool: UpstreamSource | undefined;
  /** Where the present attempt counts against a rule's limit. */
  #counted: PoolUsage | undefined;

  // ---- The app ----

  protected override attempt(): void {
    const { appPools } = this.side;
    const pool = appPools.of(this.isGrpcCall);
    if (pool === undefined) {
      this.failWith(
        503,
        "UH",
        "inbound-proxy",
        "this workload has no app port: it only calls others",
      );
      return;
    }
    if (appPools.admission !== undefined && !this.#admit(appPools.admission)) return;
    this.attemptCount++;
    this.#pool = pool;
    // A refused stream's body is wanted again; over HTTP/1 nothing is refused.
    if (this.hasBody && appPools.isHttp2(pool)) this.keepBody();
    const got = pool.acquire(this, this.request.method);
    if (got === "waiting") return;
    if (!("refusal" in got)) {
      this.useUpstream(got);
      return;
    }
    this.onAttemptEnd();
    if (got.isOverflow) this.#failOverflow(got.refusal);
    else this.onFault({ kind: "connect", reason: got.refusal });
  }

  /** False: as many requests as a rule allows are under way, and that was answered. */
  #admit({ limits, usage }: AppAdmission): boolean {
    const verdict = admitRequest(limits, usage);
    if (verdict !== "admitted") {
      this.#failOverflow(describeOverflow(verdict));
      return false;
    }
    this.#counted = usage;
    usage.requests++;
    return true;
  }

  #failOverflow(reason: string): void {
    this.fail({
      status: 503,
      flag: "UO",
      failedBy: "inbound-proxy",
      explanation: this.explain(`a limit is reached: ${reason}`),
      fields: [["x-envoy-overloaded", "true"]],
    });
  }

  protected override cancelWaiting(): void {
    this.#pool?.cancel(this);
  }

  protected override onAttemptEnd(): void {
    if (this.#counted === undefined) return;
    this.#counted.requests--;
    this.#counted = undefined;
  }

  protected override onFault(fault: UpstreamFault): void {
    if (this.#mayRetry(fault) && this.attemptCount < MAX_ATTEMPTS) {
      this.attempt();
      return;
    }
    const { status, flag } = flagOf(fault);
    // A connection refused is the sidecar's finding; an app that breaks off or talks nonsense failed itself.
    const failedBy =
      fault.kind === "connect" || fault.kind === "overflow" ? "inbound-proxy" : "app";
    this.failWith(status, flag, failedBy, fault.reason);
  }

  /**
   * A stream the app has refused unseen (RFC 9113 §8.7), and a kept-alive connection that closed under a
   * harmless request; a refused connection stays refused.
   */
  #mayRetry(fault: UpstreamFault): boolean {
    if (fault.kind === "reset" && fault.isRefused) return this.canRepeat;
    return (
      fault.kind === "closed" && fault.isStale && !this.hasBody && isIdempotent(this.request.method)
    );
  }

  protected override writeRequestHead(out: OutBuffer): void {
    const { request } = this;
    const peer = this.caller.peer;
    const host = request.authority ?? this.side.parts.workload.service;
    out.text(`${request.method} ${request.path} HTTP/1.1\r\nhost: ${host}\r\n`);
    const masks = peer === undefined ? PLAINTEXT_MASKS : MESH_MASKS;
    out.fields(request.fields, this.trace.hasParent ? masks.traced : masks.untraced);
    this.trace.write(out);
    if (peer === undefined) out.text("x-forwarded-proto: http\r\n");
    else {
      out.text("x-forwarded-proto: https\r\n");
      this.#writeClientCert(out, peer);
    }
    if (request.isUpgrade) this.writeUpgrade(out);
  }

  /** Istio's APPEND_FORWARD: what earlier hops saw, then what we saw; nothing from plaintext callers. */
  #writeClientCert(out: OutBuffer, peer: MeshPeer): void {
    const { fields } = this.request;
    const isThere = fields.indexOfId(PROXY_FIELD.clientCert) >= 0;
    const earlier = isThere ? fields.find("x-forwarded-client-cert") : undefined;
    const by = this.side.parts.workload.identity.spiffeId ?? "";
    out.text("x-forwarded-client-cert: ");
    if (earlier !== undefined && earlier !== "") out.text(`${earlier},`);
    out.text(`By=${by};${peer.certificateElement}\r\n`);
  }

  protected override responseMask(): FieldMask {
    return RESPONSE_MASK;
  }

  protected override mayPassOn(upstream: UpstreamStream): boolean {
    if (this.isLimited) upstream.response.fields.drop(RATE_LIMIT_FIELDS);
    return true;
  }

  protected override writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void {
    if (upstream.response.status >= 500) out.field("x-heddle-origin", this.side.appName);
    if (this.isLimited) for (const [name, value] of this.limitFields) out.field(name, value);
    if (this.granted !== undefined) {
      for (const [name, value] of this.granted) out.field(name, value);
    }
  }

  protected override onCut(reason: string): void {
    this.side.parts.logger.warn(
      { workload: this.side.name, reason },
      "the app broke off an answer",
    );
  }

  protected override blameOf(status: number): FailedBy {
    return status < 500 && !isGrpcFailure(this.grpcStatus) ? "" : "app";
  }

  protected override flagOfResponse(): string {
    return "-";
  }

  /** Who a plaintext caller says it is; heard only where nobody can prove it. */
  get #claim(): string | undefined {
    if (this.caller.peer !== undefined || this.side.mtlsMode !== "DISABLE") return undefined;
    const text = this.request.fields.findById(PROXY_FIELD.peerMetadataId);
    return text !== undefined && parseClaim(text) !== undefined ? text : undefined;
  }

  protected override onOutcome({ status, flag, failedBy, grpcStatus }: Outcome): void {
    const { recorder, workload } = this.side.parts;
    const durationMs = performance.now() - this.startMs;
    this.endTime();
    const { generation } = workload.identity;
    if (this.#series === undefined || generation !== this.#seriesGeneration) {
      this.#series = this.side.series.of(this.caller.peer, this.caller.address, this.#claim);
      this.#seriesGeneration = generation;
    }
    const series = this.#series.seriesOf(status, flag, failedBy, grpcStatus);
    recorder.record(series, durationMs, this.requestBytes, this.responseBytes);
    const { requestBytes, responseBytes } = this;
    const { signals, app } = this.side;
    const wanted = signals.wanted(
      this.trace.isSampled || this.denied !== undefined,
      status,
      grpcStatus,
      durationMs,
      requestBytes,
      responseBytes,
    );
    if (wanted === 0) return;
    const query = this.request.path.indexOf("?");
    const labels = this.caller.peer?.labels;
    const exchange: SpanRecord = {
      kind: "server",
      workload,
      pair: this.#series.pair,
      traceId: this.trace.traceId,
      spanId: this.trace.spanId,
      parentSpanId: this.trace.parentSpanId,
      startEpochMs: performance.timeOrigin + this.startMs,
      durationMs,
      method: this.request.method,
      service: workload.service,
      path: query < 0 ? this.request.path : this.request.path.slice(0, query),
      status,
      sourceWorkload: labels === undefined ? "unknown" : `${labels.namespace}/${labels.workload}`,
      destinationWorkload: this.side.name,
      flags: flag,
      failedBy,
      details: this.denial ?? this.filterDetails,
      denied: this.denied,
      grpcStatus,
      requestId: this.trace.requestId,
      clientAddress: labels === undefined ? this.caller.address : undefined,
      way: {
        rule: undefined,
        revision: workload.resource?.revision ?? 0,
        cluster: `inbound|${app?.port ?? ""}||`,
        endpoint: app && `127.0.0.1:${app.port}`,
        retryCount: Math.max(0, this.attemptCount - 1),
      },
      authority: this.request.authority,
      protocol: grpcStatus === undefined ? `HTTP/1.${this.request.minorVersion}` : "HTTP/2",
      requestBytes,
      responseBytes,
      peerAddress: this.caller.address,
    };
    signals.leave(wanted, exchange, (name) => this.request.fields.find(name));
  }
}
