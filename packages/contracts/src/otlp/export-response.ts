/** What an OTLP receiver did not take of a request it answers with 200; `rejected` 0: all was taken. */
export type PartialSuccess = { readonly rejected: number; readonly message: string };

/**
 * The body of `Export…ServiceResponse` in protobuf; empty bytes for full success. Metrics, traces
 * and logs share the shape: field 1 `partial_success` { 1: rejected count, 2: error message }.
 */
export function encodeExportResponse(partial: PartialSuccess): Uint8Array {
  if (partial.rejected === 0 && partial.message === "") return new Uint8Array();
  const message = Buffer.from(partial.message, "utf8");
  const inner = [8, ...varint(partial.rejected), 18, ...varint(message.length), ...message];
  return Uint8Array.from([10, ...varint(inner.length), ...inner]);
}

const REJECTED_FIELDS = {
  spans: "rejectedSpans",
  metrics: "rejectedDataPoints",
  logs: "rejectedLogRecords",
} as const;

/** The same in OTLP/JSON; `signal` names the field that counts what was rejected. */
export function exportResponseJson(
  partial: PartialSuccess,
  signal: "spans" | "metrics" | "logs",
): object {
  if (partial.rejected === 0 && partial.message === "") return {};
  const field = REJECTED_FIELDS[signal];
  return {
    partialSuccess: { [field]: String(partial.rejected), errorMessage: partial.message },
  };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** The body of a refusal in protobuf: `google.rpc.Status` with its message (OTLP/HTTP "Failures"). */
export function encodeExportStatus(message: string): Uint8Array {
  const text = Buffer.from(message, "utf8");
  return Uint8Array.from([18, ...varint(text.length), ...text]);
}
