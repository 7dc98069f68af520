/** How much a peer may send before its message is refused. All bounds are inclusive. */
export type Http1Limits = {
  /** One start line or field line, its CRLF included. */
  readonly maxLineBytes: number;
  /** Start line and fields together, the empty line included; also the bound of a trailer section. */
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  /** Bytes of chunk extensions after one chunk size. */
  readonly maxChunkExtensionBytes: number;
  /** Bytes of chunk extensions over one whole message. */
  readonly maxMessageExtensionBytes: number;
};

export const DEFAULT_LIMITS: Http1Limits = Object.freeze({
  maxLineBytes: 16_384,
  maxHeadBytes: 65_536,
  maxFields: 100,
  maxChunkExtensionBytes: 256,
  maxMessageExtensionBytes: 4_096,
});
