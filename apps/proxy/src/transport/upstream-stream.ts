import type { BodyKind, FieldBlock, OutBuffer, ResponseParser } from "@heddle/http1";
import type { ByteStream } from "./byte-stream.ts";
import type { UpstreamFault } from "./failure.ts";

/**
 * Where one request goes and its response comes from, whatever the wire. Heads are HTTP/1.1 text both
 * ways; what frames a message on the wire is added and taken off behind this.
 *
 *   startRequest → endHead → writeBody* → endRequest, with `flush` after each stretch
 *
 * Until the user hears of the response's end or of a fault, `abandon` takes the request back.
 */
export interface UpstreamStream {
  /** The response's head, from `onResponseHead` on. */
  readonly response: ResponseParser;
  /** From `onResponseEnd` on. */
  readonly trailers: FieldBlock | undefined;
  /** Whether so much waits to be sent that the client should stop. */
  readonly isBlocked: boolean;
  /** Where the request line and the fields are to be written, but neither framing nor end. */
  startRequest(): OutBuffer;
  endHead(body: BodyKind): void;
  writeBody(bytes: Buffer, start: number, end: number): void;
  /** The request is whole. */
  endRequest(trailers: FieldBlock | undefined): void;
  /** Sends what was written. */
  flush(): void;
  /** Holds the response back. */
  pause(): void;
  resume(): void;
  /** Takes the exchange back before anything was sent. */
  giveBack(): void;
  /** Gives the exchange up: the user hears nothing more of it. */
  abandon(): void;
  /** As `abandon`, for a response nobody wants: where its rest is short it is read and dropped. */
  discard(): void;
}

/** The exchange an upstream stream works for. */
export interface UpstreamUser {
  /** Whether the whole request has been handed to the upstream. */
  readonly isRequestSent: boolean;
  /** Whether the request asked for another protocol and is whole, so that 101 may answer it. */
  readonly mayUpgrade: boolean;
  /** A stream waited for is there. */
  onUpstreamReady(upstream: UpstreamStream): void;
  /** The attempt ended before a final response head; the stream is gone. */
  onUpstreamFault(fault: UpstreamFault): void;
  /** A 1xx head (never 101) stands in `upstream.response`. */
  onInformational(upstream: UpstreamStream): void;
  /**
   * The final head stands in `upstream.response`; body and `onResponseEnd` follow, unless the user
   * gives the upstream up within this call.
   */
  onResponseHead(upstream: UpstreamStream): void;
  onResponseBody(bytes: Buffer, start: number, end: number): void;
  /** Everything of one read has been handed over. */
  onResponseFlush(): void;
  /** The response is whole; trailers stand in `upstream.trailers`. The stream is released right after. */
  onResponseEnd(upstream: UpstreamStream): void;
  /** After the release: the next exchange may begin. */
  onUpstreamReleased(): void;
  /** The response broke off after its head. */
  onResponseCut(reason: string): void;
  /** The upstream has agreed to another protocol; `bytes[start, end)` are its first of it. */
  onTunnel(
    upstream: UpstreamStream,
    stream: ByteStream,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
  /** The upstream takes bytes again. */
  onUpstreamDrain(): void;
}

/** Why there is not even a place to wait. */
export type Refusal = { readonly refusal: string; readonly isOverflow: boolean };

/** Gives upstream streams to one address. */
export interface UpstreamSource {
  /**
   * A stream, assigned to `user`; or "waiting": `user` hears of a stream or a fault later (never within
   * this call); or why it may not even wait.
   */
  acquire(user: UpstreamUser, method: string): UpstreamStream | "waiting" | Refusal;
  /** `user` no longer wants a stream it waits for. */
  cancel(user: UpstreamUser): void;
  /** Closes what is idle, now and whenever an exchange ends. */
  close(): void;
}
