import type { ProtobufWriter } from "./protobuf-writer.ts";
import type { LabelSet } from "./series-labels.ts";

/** Attributes as repeated KeyValue of string values in `field`. */
export function writeAttributes(writer: ProtobufWriter, field: number, labels: LabelSet): void {
  for (const [name, value] of labels) writeAttribute(writer, field, name, value);
}

export function writeAttribute(
  writer: ProtobufWriter,
  field: number,
  name: string,
  value: string | number,
): void {
  writer.message(field, () => {
    writer.string(1, name);
    writer.message(2, () => {
      if (typeof value === "string") writer.string(1, value);
      else writer.uint(3, value);
    });
  });
}

/** Resource (field 1) of a ResourceMetrics or ResourceSpans. */
export function writeResource(writer: ProtobufWriter, attributes: LabelSet): void {
  writer.message(1, () => writeAttributes(writer, 1, attributes));
}

/** InstrumentationScope (field 1). */
export function writeScope(writer: ProtobufWriter): void {
  writer.message(1, () => writer.string(1, "heddle"));
}

/** Epoch milliseconds, with a fraction or without, as whole nanoseconds. */
export function unixNano(epochMs: number): bigint {
  const wholeMs = Math.floor(epochMs);
  return BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((epochMs - wholeMs) * 1e6));
}
