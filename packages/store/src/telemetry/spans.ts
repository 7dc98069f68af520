import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import { CopyRows } from "./copy-rows.ts";
import type { TelemetryDb } from "./telemetry-db.ts";

/** A span as it is kept. Numbers of kind and status are OTLP's. */
export type NewSpan = {
  readonly startUnixNano: bigint;
  readonly durationUs: bigint;
  readonly traceId: string; // 32 hex digits
  readonly spanId: string; // 16 hex digits
  readonly parentSpanId: string | undefined;
  readonly edgeId: number; // 0: on no edge
  readonly kind: number;
  readonly status: number;
  readonly httpStatus: number; // 0: none
  readonly service: string;
  readonly operation: string;
  readonly attributesJson: string; // one flat object, as JSON text
};

export type StoredSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly startMs: number;
  readonly durationUs: number;
  readonly service: string;
  readonly operation: string;
  readonly kind: number;
  readonly status: number;
  readonly httpStatus: number | undefined;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
};

const COLUMN_COUNT = 12;
const NO_PARENT = "0000000000000000";
const EXPECTED_ROW_BYTES = 400;
const MAX_SPANS_PER_TRACE = 10_000;

/** Appends spans by binary COPY; their partitions must exist. All of them or none. */
export async function copySpans(db: TelemetryDb, spans: readonly NewSpan[]): Promise<void> {
  const rows = new CopyRows(spans.length * EXPECTED_ROW_BYTES);
  for (const span of spans) appendSpan(rows, span);
  const body = rows.finish();
  await db.withClient(async (client) => {
    const copy = client.query(copyFrom(COPY_SPANS));
    await pipeline(Readable.from([body]), copy);
  });
}

/** All spans of a trace in order of start, each once. `traceId`: 32 hex digits. Served by `span_trace_id`. */
export async function findTrace(db: TelemetryDb, traceId: string): Promise<StoredSpan[]> {
  return db.withClient(async (client) => {
    const { rows } = await client.query<SpanRow>(
      `SELECT * FROM (
         SELECT DISTINCT ON (span_id, kind) ${SPAN_COLUMNS}, start_time
         FROM telemetry.span WHERE trace_id = $1::uuid ORDER BY span_id, kind, start_time
       ) AS each_once ORDER BY start_time LIMIT ${MAX_SPANS_PER_TRACE}`,
      [traceId],
    );
    return rows.map(toSpan);
  });
}

/** The newest spans of the given edges, each once. Served by `span_edge`, one index scan an edge. */
export async function findRecentSpans(
  db: TelemetryDb,
  edgeIds: readonly number[],
  sinceMs: number,
  limit: number,
): Promise<StoredSpan[]> {
  return db.withClient(async (client) => {
    const { rows } = await client.query<SpanRow>(
      `SELECT newest.* FROM unnest($1::integer[]) AS wanted (id), LATERAL (
         SELECT ${SPAN_COLUMNS}, start_time FROM telemetry.span
         WHERE edge_id = wanted.id AND start_time >= $2 ORDER BY start_time DESC LIMIT $3
       ) AS newest ORDER BY start_time DESC LIMIT $3`,
      [edgeIds, new Date(sinceMs), limit * 2], // after a crash some were written twice
    );
    const once = new Map(rows.map((row) => [`${row.trace_id} ${row.span_id}`, row]));
    return [...once.values()].slice(0, limit).map(toSpan);
  });
}

const COPY_SPANS = `COPY telemetry.span (start_time, duration_us, trace_id, span_id, parent_id, edge_id, kind,
  status, http_status, service, operation, attributes) FROM STDIN (FORMAT binary)`;

const SPAN_COLUMNS = `replace(trace_id::text, '-', '') AS trace_id,
  lpad(to_hex(span_id), 16, '0') AS span_id, lpad(to_hex(parent_id), 16, '0') AS parent_id,
  (extract(epoch FROM start_time) * 1000)::float8 AS start_ms, duration_us::float8 AS duration_us,
  service, operation, kind, status, http_status, attributes`;

type SpanRow = {
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_id: string;
  readonly start_ms: number;
  readonly duration_us: number;
  readonly service: string;
  readonly operation: string;
  readonly kind: number;
  readonly status: number;
  readonly http_status: number;
  readonly attributes: Record<string, string | number | boolean>;
};

function appendSpan(rows: CopyRows, span: NewSpan): void {
  rows.startRow(COLUMN_COUNT);
  rows.timestamp(span.startUnixNano);
  rows.int64(span.durationUs);
  rows.hex(span.traceId);
  rows.hex(span.spanId);
  rows.hex(span.parentSpanId ?? NO_PARENT);
  rows.int32(span.edgeId);
  rows.int16(span.kind);
  rows.int16(span.status);
  rows.int16(span.httpStatus);
  rows.text(withoutNul(span.service));
  rows.text(withoutNul(span.operation));
  rows.jsonb(withoutNul(span.attributesJson));
}

/** PostgreSQL's text holds no NUL, its jsonb neither NUL nor a lone half of a surrogate pair. */
function withoutNul(text: string): string {
  if (!/\0|\\u0000|\\ud[89a-f]/i.test(text)) return text;
  return text
    .replaceAll("\0", "\ufffd")
    .replace(/(\\\\)|\\u0000|\\ud[89a-f][0-9a-f]{2}/gi, (match, pair) => (pair ? match : "\ufffd"));
}

function toSpan(row: SpanRow): StoredSpan {
  return {
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_id === NO_PARENT ? undefined : row.parent_id,
    startMs: row.start_ms,
    durationUs: row.duration_us,
    service: row.service,
    operation: row.operation,
    kind: row.kind,
    status: row.status,
    httpStatus: row.http_status === 0 ? undefined : row.http_status,
    attributes: row.attributes,
  };
}
