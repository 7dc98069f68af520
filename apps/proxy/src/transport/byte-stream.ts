import type { OutBuffer } from "@heddle/http1";

/** Who deals with a stream's bytes at the moment. */
export interface ByteStreamHandler {
  /** `bytes[start, end)` are valid during the call only. */
  onData(bytes: Buffer, start: number, end: number): void;
  /** The peer has sent its last byte. */
  onEnd(): void;
  /** What was waiting to be written is gone. */
  onDrain(): void;
  /** Nothing more will come or go. `error` is `undefined` after an orderly end. */
  onClose(error: Error | undefined): void;
}

/**
 * Bytes both ways with a half-close and back-pressure: a TCP or TLS connection, or one stream of a
 * multiplexed one. The handler can change: what was a request becomes a tunnel.
 */
export interface ByteStream {
  handler: ByteStreamHandler;
  readonly isClosed: boolean;
  /** Whether so much waits to be written that the source should stop. */
  readonly isBlocked: boolean;
  /** Bytes the transport has not taken yet. */
  readonly unsentBytes: number;
  /** Sends what `out` holds and empties it. */
  write(out: OutBuffer): void;
  /** Holds the peer back; what has been read already may still come. */
  pause(): void;
  resume(): void;
  /** Sends the rest and then the end of this direction; the peer may still send. */
  end(): void;
  /** Closes at once. `onClose` still comes, later. */
  destroy(): void;
  /** Closes at once and tells the peer that it was no orderly end. */
  reset(): void;
}
