import type { FieldBlock, OutBuffer } from "@heddle/http1";
import type { ByteStream } from "./byte-stream.ts";

/** How a response's end is known: `unknown` when its sender finds out while it sends. */
export type ResponseBody = "none" | "length" | "unknown" | "tunnel";

/** A stream of bytes somebody else goes on with; `rest` was read already and comes first. */
export type GivenUp = { readonly stream: ByteStream; readonly rest: Buffer | undefined };

/**
 * Who sends the request and gets the answer, whatever the wire: an HTTP/1.1 connection between two of
 * its requests, or a stream of a multiplexed connection. Heads are written as HTTP/1.1 text and turned
 * into what the wire wants behind `endHead`; what frames a message is the wire's, not the exchange's.
 *
 *   head → (informational head)* → head → body* → endBody → finish        or `reset` at any point
 */
export interface Downstream {
  /** Whether the client speaks HTTP/2. */
  readonly isHttp2: boolean;
  /** Whether a read of the client's bytes is being handed over; its end calls `onRequestFlush`. */
  readonly isReading: boolean;
  /** Whether so much waits to be sent that the upstream should stop. */
  readonly isBlocked: boolean;
  /** Where a head is to be written: the status line, then the fields, but neither framing nor end. */
  startHead(): OutBuffer;
  /** Ends and sends a 1xx head. */
  endInformational(): void;
  /** Ends the final head. */
  endHead(body: ResponseBody): void;
  writeBody(bytes: Buffer, start: number, end: number): void;
  /** Ends the response, and sends it. */
  endBody(trailers: FieldBlock | undefined): void;
  /** Sends what was written. */
  flush(): void;
  /** Whether the exchange can take more of the body may have changed. */
  updateReading(): void;
  /** The exchange is over and answered. The exchange may be used again within this call. */
  finish(): void;
  /** Breaks the response off so that the client can tell. */
  reset(): void;
  /** The clock's call while no request is under way. */
  onDeadline(nowMs: number): void;
  /** What follows on this connection after a CONNECT that was accepted is to be read anew. */
  continueWithRequests(): void;
  /** Gives the bytes up to a tunnel. */
  startTunnel(): GivenUp;
  /** The tunnel is over. */
  onTunnelEnd(): void;
}
