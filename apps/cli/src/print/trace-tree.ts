import type { SpanWire, TraceResponse } from "@heddle/contracts";
import { formatMs, formatTable } from "./table.ts";

const SHOWN = ["http.request.method", "url.path", "heddle.failed_by", "heddle.flags"] as const;
const MOST_DEEP = 64;

/** The spans of a trace as a tree, in the order they began; `+` is when, after the first. */
export function formatTrace({ traceId, spans }: TraceResponse): string {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const byParent = Map.groupBy(spans, ({ parentSpanId }) =>
    parentSpanId !== undefined && known.has(parentSpanId) ? parentSpanId : "",
  );
  const firstMs = Math.min(...spans.map(({ startMs }) => startMs));
  const rows: string[][] = [];
  const add = (parent: string, depth: number) => {
    if (depth > MOST_DEEP) return; // whoever sends spans may send a chain without end
    const children = [...(byParent.get(parent) ?? [])].sort((a, b) => a.startMs - b.startMs);
    for (const span of children) {
      rows.push(toRow(span, depth, firstMs));
      add(span.spanId, depth + 1);
    }
  };
  add("", 0);
  const table = formatTable(["SPAN", "KIND", "+", "TOOK", "STATUS", "REQUEST"], rows);
  return `trace ${traceId}, ${spans.length} spans\n${table}`;
}

function toRow(span: SpanWire, depth: number, firstMs: number): string[] {
  const { service, operation, kind, startMs, durationUs, status, httpStatus, attributes } = span;
  const shown = SHOWN.flatMap((name) => (name in attributes ? [String(attributes[name])] : []));
  return [
    `${"  ".repeat(depth)}${service}`,
    kind,
    formatMs(startMs - firstMs),
    formatMs(durationUs / 1000),
    `${httpStatus ?? ""}${status === "error" ? " error" : ""}`.trim() || "-",
    shown.join(" ") || operation,
  ];
}
