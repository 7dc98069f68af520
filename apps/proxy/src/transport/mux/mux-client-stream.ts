import {
  type BodyKind,
  type FieldBlock,
  Http1Error,
  type Http1Limits,
  type OutBuffer,
  ResponseParser,
} from "@heddle/http1";
import { fieldNames } from "../proxy-fields.ts";
import type { UpstreamStream, UpstreamUser } from "../upstream-stream.ts";
import { RESET_CODE } from "./frames.ts";
import { MuxError } from "./mux-error.ts";
import { MuxStream, type StreamCarrier } from "./mux-stream.ts";

const NO_BYTES = Buffer.alloc(0);

/** What a request's stream asks of the connection that carries it. */
export interface MuxClientCarrier extends StreamCarrier {
  readonly limits: Http1Limits;
  /** Exchanges it has carried to their end. */
  servedCount: number;
  /** The number of a stream that is about to send its head. */
  enter(stream: MuxClientStream): number;
  /** Takes a stream back; it may serve again. */
  spare(stream: MuxClientStream, isReusable: boolean): void;
}

/** One request to a peer, and its answer. */
export class MuxClientStream extends MuxStream implements UpstreamStream {
  readonly response: ResponseParser;
  trailers: FieldBlock | undefined;
  declare readonly session: MuxClientCarrier;
  #user: UpstreamUser | undefined;
  #method = "GET";
  #mayTunnel = false;
  #hasHead = false;
  #bodyBytes = 0;

  constructor(session: MuxClientCarrier) {
    super(session);
    this.response = new ResponseParser(fieldNames, session.limits);
  }

  assign(user: UpstreamUser, method: string): void {
    this.open(0);
    this.trailers = undefined;
    this.#user = user;
    this.#method = method;
    this.#hasHead = false;
    this.#bodyBytes = 0;
    this.response.reset(method);
  }

  // ---- The request ----

  startRequest(): OutBuffer {
    this.id = this.session.enter(this);
    return this.session.frames.startHead(this.id);
  }

  endHead(body: BodyKind): void {
    this.#mayTunnel = body === "tunnel";
    if (body === "chunked") this.session.frames.head.text("transfer-encoding: chunked\r\n");
    this.session.frames.endHead();
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    this.send(bytes, start, end);
  }

  endRequest(trailers: FieldBlock | undefined): void {
    if (!this.#mayTunnel) this.sendEnd(trailers);
  }

  flush(): void {}

  protected override onSendable(): void {
    this.#user?.onUpstreamDrain();
  }

  // ---- The response ----

  override onHead(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const user = this.#user;
    if (user === undefined) return;
    try {
      if (this.#hasHead) throw new MuxError("HEAD", "a second head after a final one");
      const next = this.response.parse(bytes, start, end);
      if (next >= 0 !== isLast || (isLast && next !== end)) {
        throw new MuxError("HEAD", "a head does not end where its frame does");
      }
      if (isLast) this.#onWholeHead(user);
    } catch (error) {
      if (!(error instanceof Http1Error)) throw error;
      const reason = `the answer is not HTTP/1.1: ${error.message}`;
      this.#release(RESET_CODE.protocol);
      user.onUpstreamFault({ kind: "protocol", reason });
    }
  }

  #onWholeHead(user: UpstreamUser): void {
    const { response } = this;
    if (response.status < 200 && response.status !== 101) {
      user.onInformational(this);
      response.reset(this.#method);
      return;
    }
    if (response.status === 101 && !user.mayUpgrade) {
      throw new Http1Error("STATUS", "101 answers a request that asked for no other protocol");
    }
    this.#hasHead = true;
    if (response.body === "tunnel") this.#toTunnel(user);
    else user.onResponseHead(this);
  }

  #toTunnel(user: UpstreamUser): void {
    this.#user = undefined;
    this.isTunnel = true;
    user.onTunnel(this, this, NO_BYTES, 0, 0);
  }

  protected override onBodyData(bytes: Buffer, start: number, end: number): void {
    const user = this.#user;
    if (user === undefined) return;
    this.#bodyBytes += end - start;
    const { body, contentLength } = this.response;
    const isAllowed =
      this.#hasHead &&
      (body === "chunked" || (body === "length" && this.#bodyBytes <= contentLength));
    if (isAllowed) user.onResponseBody(bytes, start, end);
    else this.#breakOff(user, "the answer's body is not what its head says");
  }

  protected override onMessageEnd(trailers: FieldBlock | undefined): void {
    const user = this.#user;
    if (user === undefined) return;
    const { body, contentLength } = this.response;
    if (!this.#hasHead) this.#breakOff(user, "the stream ended before an answer");
    else if (body === "length" && this.#bodyBytes !== contentLength) {
      this.#breakOff(user, "the answer's body is shorter than its head says");
    } else {
      this.trailers = trailers;
      this.session.servedCount++;
      user.onResponseEnd(this);
      this.#release(this.hasSentEnd ? undefined : RESET_CODE.cancel);
      user.onUpstreamReleased();
    }
  }

  override onBadTrailers(error: Http1Error): void {
    const user = this.#user;
    if (user !== undefined) this.#breakOff(user, `the answer's trailers: ${error.message}`);
  }

  #breakOff(user: UpstreamUser, reason: string): void {
    this.#release(RESET_CODE.protocol);
    if (this.#hasHead) user.onResponseCut(reason);
    else user.onUpstreamFault({ kind: "protocol", reason });
  }

  override onFlush(): void {
    this.#user?.onResponseFlush();
  }

  protected override onMessageReset(code: number): void {
    const user = this.#user;
    const hadHead = this.#hasHead;
    this.#release(undefined);
    if (user === undefined) return;
    const reason = `the peer reset the stream (${code})`;
    if (hadHead) user.onResponseCut(reason);
    else user.onUpstreamFault({ kind: "reset", reason, isRefused: code === RESET_CODE.refused });
  }

  protected override onMessageLost(reason: string): void {
    const user = this.#user;
    const hadHead = this.#hasHead;
    this.#release(undefined);
    if (user === undefined) return;
    if (hadHead) user.onResponseCut(reason);
    else {
      const isStale = this.session.servedCount > 0;
      user.onUpstreamFault({ kind: "closed", reason, isStale });
    }
  }

  giveBack(): void {
    this.#release(undefined);
  }

  abandon(): void {
    if (this.#user !== undefined) this.#release(RESET_CODE.cancel);
  }

  discard(): void {
    this.abandon();
  }

  #release(code: number | undefined): void {
    this.#user = undefined;
    this.close(code);
    this.id = 0;
    this.session.spare(this, true);
  }

  protected override onTunnelClosed(): void {
    this.session.spare(this, false);
  }
}
