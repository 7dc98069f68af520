import { type FieldBlock, Http1Error, type OutBuffer } from "@heddle/http1";
import type { ByteStream } from "../byte-stream.ts";
import type { Downstream, ResponseBody } from "../downstream.ts";
import type { HttpExchange } from "../http-exchange.ts";
import { RESET_CODE } from "./frames.ts";
import { MuxError } from "./mux-error.ts";
import { MuxStream, type StreamCarrier } from "./mux-stream.ts";

/** What a CONNECT names on this leg: the one app behind the peer's port. */
export const TCP_AUTHORITY = "tcp.heddle:0";
/** Tells the peer what became of its wish for an opaque connection, once. */
export type TcpAnswer = { accept(): void; refuse(reason: string): void };

/** What a peer's stream asks of the connection that carries it. */
export interface MuxServerCarrier extends StreamCarrier {
  /** Hands an opaque stream on. */
  startTcp(stream: ByteStream, answer: TcpAnswer): void;
  /** Takes a stream back whose exchange is over. */
  spare(stream: MuxServerStream): void;
}

/** One request of a peer. */
export class MuxServerStream extends MuxStream implements Downstream {
  readonly isHttp2 = false;
  isReading = false;
  declare readonly session: MuxServerCarrier;
  readonly #exchange: HttpExchange;
  #hasHead = false;
  #isAnswered = false;

  constructor(session: MuxServerCarrier, exchange: HttpExchange) {
    super(session);
    this.#exchange = exchange;
    exchange.attach(this);
  }

  begin(id: number): void {
    this.open(id);
    this.#hasHead = false;
    this.#isAnswered = false;
    const exchange = this.#exchange;
    exchange.request.reset();
    exchange.deadlineMs = exchange.clock.nowMs + exchange.timeouts.headMs;
    exchange.clock.watch(exchange);
  }

  // ---- What the peer sends ----

  override onHead(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const exchange = this.#exchange;
    const { request } = exchange;
    this.isReading = true;
    try {
      const next = request.parse(bytes, start, end);
      if (next >= 0 !== isLast || (isLast && next !== end)) {
        throw new MuxError("HEAD", "a head does not end where its frame does");
      }
      if (!isLast) return;
      request.detach(next);
      this.#begin();
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      this.#refuse(error);
    }
  }

  #begin(): void {
    const exchange = this.#exchange;
    if (!exchange.mayServe()) {
      this.#over(RESET_CODE.refused);
      return;
    }
    this.#hasHead = true;
    const { method, authority } = exchange.request;
    if (method === "CONNECT" && authority === TCP_AUTHORITY) this.#startTcp();
    else exchange.begin();
  }

  /** From here on the stream is bytes and no request; whoever takes them answers. */
  #startTcp(): void {
    this.startTunnel();
    this.session.startTcp(this, {
      accept: () => this.#answerTcp("HTTP/1.1 200 OK\r\n"),
      refuse: (reason) => {
        this.#answerTcp(
          `HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nx-refused: ${plain(reason)}\r\n`,
        );
        super.reset();
      },
    });
  }

  #answerTcp(head: string): void {
    if (this.isClosed) return;
    this.startHead().text(head);
    this.session.frames.endHead();
  }

  #refuse(error: Http1Error): void {
    const isNew = !this.#hasHead;
    this.#hasHead = true;
    this.#exchange.refuse(
      error.status,
      `the request is not valid HTTP/1.1: ${error.message}`,
      isNew,
    );
  }

  protected override onBodyData(bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    exchange.activityMs = exchange.clock.nowMs;
    const { body, contentLength } = exchange.request;
    const isAllowed =
      body === "chunked" ||
      (body === "length" && exchange.requestBytes + end - start <= contentLength);
    if (!isAllowed || exchange.isRequestComplete) {
      this.#breakOff();
      return;
    }
    this.isReading = true;
    exchange.onBody(bytes, start, end);
  }

  protected override onMessageEnd(trailers: FieldBlock | undefined): void {
    const exchange = this.#exchange;
    const { body, contentLength } = exchange.request;
    if (exchange.isRequestComplete) return;
    if (body === "length" && exchange.requestBytes !== contentLength) {
      this.#breakOff();
      return;
    }
    this.isReading = true;
    exchange.onRequestEnd(trailers);
  }

  override onBadTrailers(): void {
    this.#breakOff();
  }

  /** What comes is not the body the head has announced: nobody may take it for one. */
  #breakOff(): void {
    this.#exchange.onDownstreamGone();
    this.#over(RESET_CODE.protocol);
  }

  override onFlush(): void {
    this.isReading = false;
    this.#exchange.onRequestFlush();
  }

  protected override get isHolding(): boolean {
    return this.#exchange.isHoldingBody;
  }

  protected override onMessageReset(): void {
    this.#exchange.onDownstreamGone();
    this.#over(undefined);
  }

  protected override onMessageLost(): void {
    this.#exchange.onDownstreamGone();
    this.#over(undefined);
  }

  protected override onSendable(): void {
    this.#exchange.onDownstreamDrain();
  }

  // ---- What the peer gets ----

  startHead(): OutBuffer {
    return this.session.frames.startHead(this.id);
  }

  endInformational(): void {
    this.session.frames.endHead();
  }

  endHead(body: ResponseBody): void {
    if (body === "unknown") this.session.frames.head.text("transfer-encoding: chunked\r\n");
    this.session.frames.endHead();
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    this.send(bytes, start, end);
  }

  endBody(trailers: FieldBlock | undefined): void {
    this.#isAnswered = true;
    this.sendEnd(trailers);
  }

  flush(): void {}

  updateReading(): void {
    this.grant();
  }

  finish(): void {
    if (this.isClosed) return;
    // What waits for credit is sent before the stream goes.
    if (!this.hasSentEnd) return;
    this.#over(this.hasReceivedEnd ? undefined : RESET_CODE.stop);
  }

  protected override onSentEnd(): void {
    // The exchange was over before its last bytes had credit.
    if (this.#isAnswered && !this.#exchange.isBusy) this.finish();
  }

  override reset(): void {
    if (this.isTunnel) super.reset();
    else this.#over(RESET_CODE.broken);
  }

  #over(code: number | undefined): void {
    if (this.isClosed && this.id === 0) return;
    const exchange = this.#exchange;
    exchange.clock.unwatch(exchange);
    exchange.deadlineMs = Number.POSITIVE_INFINITY;
    this.isReading = false;
    this.close(code);
    this.id = 0;
    this.session.spare(this);
  }

  /** Only a stream whose head does not come, or whose answer is not read to its end. */
  onDeadline(): void {
    this.#over(RESET_CODE.cancel);
  }

  /** An outbound side's business; no peer's CONNECT is accepted this way. */
  continueWithRequests(): void {
    throw new Error("a multiplexed stream carries one request");
  }

  startTunnel(): { stream: ByteStream; rest: undefined } {
    const exchange = this.#exchange;
    exchange.clock.unwatch(exchange);
    this.isTunnel = true;
    this.isReading = false;
    return { stream: this, rest: undefined };
  }

  onTunnelEnd(): void {}
}

/** What may stand in a field, short enough for one. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
