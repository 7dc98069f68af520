import type { OutBuffer } from "@heddle/http1";

/** What a stream needs of the connection it is on. */
export interface MuxWire {
  /** Whether so much waits to be written that sources should stop. */
  readonly isBlocked: boolean;
  /** The head that was begun. */
  readonly head: OutBuffer;
  /** Begins a HEAD frame; its text goes into what is returned, nothing else may come between. */
  startHead(id: number): OutBuffer;
  endHead(): void;
  data(id: number, bytes: Buffer, start: number, end: number): void;
  /** Ends a direction: on its last frame if that has not left yet. */
  end(id: number): void;
  trailers(id: number, section: OutBuffer): void;
  reset(id: number, code: number): void;
  window(id: number, bytes: number): void;
  /** A stream is over. */
  remove(id: number): void;
}
