import type { FieldBlock, FieldMask, OutBuffer } from "@heddle/http1";
import type { FailedBy } from "../core/traffic-recorder.ts";
import type { FilterRun } from "../filters/filter-run.ts";
import type { ByteStream } from "./byte-stream.ts";
import { processOverload } from "./overload.ts";
import { SendingExchange } from "./sending-exchange.ts";
import { Tunnel, type TunnelEnd } from "./tunnel.ts";
import type { UpstreamStream, UpstreamUser } from "./upstream-stream.ts";

/**
 * One request and its answer: decide, attempt, answer. It knows neither wire: the downstream hands the
 * request over and takes the answer, each attempt has an upstream stream. The object is reused for every
 * request of a connection or stream.
 *
 *   idle → busy (`begin`)      busy → idle (answered, failed, client gone) | tunnel → idle
 *
 * Its life is `AnsweringExchange`, the request's way `SendingExchange`; here the answer comes back.
 *
 * Allocation per request is what a measurement does not excuse: state lives in fields that `start`
 * resets, ids are bytes until someone asks, heads are offsets into the bytes they came in.
 */
export abstract class HttpExchange extends SendingExchange implements UpstreamUser {
  /** What of the response's fields is not passed on. */
  protected abstract responseMask(upstream: UpstreamStream): FieldMask;
  /** Writes fields the response gets on top. */
  protected abstract writeResponseFields(out: OutBuffer, upstream: UpstreamStream): void;
  /** Blame for a response that broke off after its head. */
  protected abstract readonly cutBlame: FailedBy;
  /** Whose fault an answered status is; asked once the response is whole. */
  protected abstract blameOf(status: number): FailedBy;
  protected abstract flagOfResponse(): string;
  /** For the log: a response broke off after its head had been passed on. */
  protected abstract onCut(reason: string): void;

  /**
   * A final response head has come and nothing of it was passed on. False: it will not be, since
   * `dropResponse` was called (and another attempt started, or will be).
   */
  protected mayPassOn(_upstream: UpstreamStream): boolean {
    return true;
  }

  /** The response is whole; its trailers, if any, before they are passed on. */
  protected onTrailers(_trailers: FieldBlock | undefined): void {}

  /** Within `mayPassOn`: gives up a response that is not wanted. Its connection stays if that is cheap. */
  protected dropResponse(): void {
    const { upstream } = this;
    this.upstream = undefined;
    upstream?.discard();
    this.abandonAttempt();
  }

  // ---- The response ----

  onInformational(upstream: UpstreamStream): void {
    if (this.request.minorVersion === 0) return;
    const { downstream } = this;
    this.#writeHead(downstream.startHead(), upstream);
    downstream.endInformational();
    if (downstream.isBlocked) upstream.pause();
  }

  #writeHead(out: OutBuffer, upstream: UpstreamStream): void {
    const { response } = upstream;
    out.text(
      response.status === 200 && response.reason === "OK"
        ? "HTTP/1.1 200 OK\r\n"
        : `HTTP/1.1 ${response.status} ${response.reason}\r\n`,
    );
    out.fields(response.fields, this.responseMask(upstream));
  }

  onResponseHead(upstream: UpstreamStream): void {
    this.activityMs = this.clock.nowMs;
    if (!this.mayPassOn(upstream)) return;
    const { filters } = this;
    if (filters !== undefined && !this.#filterResponse(filters, upstream)) return;
    const { response } = upstream;
    this.status = response.status;
    this.noteGrpcStatus(response.fields);
    const { downstream } = this;
    const out = downstream.startHead();
    this.#writeHead(out, upstream);
    this.writeResponseFields(out, upstream);
    filters?.writeResponseFields(out);
    const { body } = response;
    downstream.endHead(body === "chunked" || body === "until-close" ? "unknown" : body);
  }

  /** False: what the filters say takes the place of the response. */
  #filterResponse(filters: FilterRun, { response }: UpstreamStream): boolean {
    const verdict = filters.onResponseHead(response);
    if (verdict === undefined) return true;
    this.dropResponse();
    this.obey(verdict);
    return false;
  }

  onResponseBody(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    this.downstream.writeBody(bytes, start, end);
  }

  onResponseFlush(): void {
    this.activityMs = this.clock.nowMs;
    const { downstream } = this;
    downstream.flush();
    if (downstream.isBlocked) this.upstream?.pause();
  }

  onResponseEnd(upstream: UpstreamStream): void {
    const { trailers } = upstream;
    this.noteGrpcStatus(trailers);
    this.onTrailers(trailers);
    this.downstream.endBody(trailers);
    this.upstream = undefined;
    this.onAttemptEnd();
    this.end(this.status, this.flagOfResponse(), this.blameOf(this.status));
  }

  onUpstreamReleased(): void {
    this.downstream.finish();
  }

  onResponseCut(reason: string): void {
    this.upstream = undefined;
    this.onAttemptEnd();
    this.onCut(reason);
    this.end(this.status, "UC", this.cutBlame);
    // The client must be able to tell that the rest is missing.
    this.downstream.reset();
  }

  // ---- Tunnels ----

  onTunnel(
    upstream: UpstreamStream,
    stream: ByteStream,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const { downstream } = this;
    this.status = upstream.response.status;
    const out = downstream.startHead();
    this.#writeHead(out, upstream);
    const protocol = upstream.response.fields.find("upgrade");
    if (protocol !== undefined) out.text(`connection: upgrade\r\nupgrade: ${protocol}\r\n`);
    this.writeResponseFields(out, upstream);
    downstream.endHead("tunnel");
    downstream.flush();
    this.startTunnel(stream).sendDown(bytes, start, end);
  }

  /** From now on bytes pass both ways as they are; the exchange's outcome comes when the tunnel ends. */
  protected startTunnel(upstream: ByteStream): Tunnel {
    this.upstream = undefined;
    this.isBusy = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const { stream, rest } = this.downstream.startTunnel();
    const tunnel = new Tunnel(stream, upstream, this.clock, (end) => this.#endTunnel(end));
    if (rest !== undefined) tunnel.sendUp(rest, 0, rest.length);
    return tunnel;
  }

  #endTunnel(end: TunnelEnd): void {
    this.requestBytes = end.upBytes;
    this.responseBytes = end.downBytes;
    this.onAttemptEnd();
    this.end(this.status, "-", "");
    this.downstream.onTunnelEnd();
  }

  /** Answers CONNECT with 200: what follows is the tunnel's. */
  protected acceptConnect(): void {
    const { downstream } = this;
    downstream.startHead().text("HTTP/1.1 200 Connection Established\r\n");
    downstream.endHead("tunnel");
    downstream.flush();
    this.status = 200;
  }

  /** What follows on this connection are requests again. */
  protected continueWithRequests(): void {
    this.isBusy = false;
    processOverload.activeRequests--;
    this.downstream.continueWithRequests();
  }
}
