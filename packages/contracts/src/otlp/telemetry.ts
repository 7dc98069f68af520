/**
 * OTLP as the collector reads it: the same values whether they came as protobuf or as JSON.
 * Times are `bigint` nanoseconds since the epoch, as on the wire.
 */

/** Arrays, maps and bytes arrive as text (JSON, base64): nothing in Heddle computes with them. */
export type AttributeValue = string | number | boolean;
/** Own keys only; `__proto__` is one like any other. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** `cumulative` and `unspecified` are read, and refused by the collector: it folds deltas. */
export type Temporality = "delta" | "cumulative" | "unspecified";

export type NumberPoint = {
  readonly attributes: Attributes;
  readonly startUnixNano: bigint; // 0n: not given
  readonly timeUnixNano: bigint;
  readonly value: number;
};

/** Explicit bounds: bucket i holds (bounds[i-1], bounds[i]]; one more bucket than bounds. */
export type HistogramPoint = {
  readonly attributes: Attributes;
  readonly startUnixNano: bigint;
  readonly timeUnixNano: bigint;
  readonly count: number;
  readonly sum: number | undefined;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
};

/** Bucket `offset + i` holds (2^(index/2^scale), 2^((index+1)/2^scale)]. Negative buckets are not read. */
export type ExponentialHistogramPoint = {
  readonly attributes: Attributes;
  readonly startUnixNano: bigint;
  readonly timeUnixNano: bigint;
  readonly count: number;
  readonly sum: number | undefined;
  readonly scale: number;
  readonly zeroCount: number;
  readonly offset: number;
  readonly counts: readonly number[];
};

/** `ignored`: a kind Heddle has no use for (summary), with how many points it had. */
export type Metric =
  | { readonly kind: "gauge"; readonly name: string; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: "sum";
      readonly name: string;
      readonly temporality: Temporality;
      readonly isMonotonic: boolean;
      readonly points: readonly NumberPoint[];
    }
  | {
      readonly kind: "histogram";
      readonly name: string;
      readonly temporality: Temporality;
      readonly points: readonly HistogramPoint[];
    }
  | {
      readonly kind: "exponential-histogram";
      readonly name: string;
      readonly temporality: Temporality;
      readonly points: readonly ExponentialHistogramPoint[];
    }
  | { readonly kind: "ignored"; readonly name: string; readonly pointCount: number };

export type ResourceMetrics = {
  readonly resource: Attributes;
  readonly metrics: readonly Metric[];
};

export type SpanKind = "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
export type SpanStatus = "unset" | "ok" | "error";

/** Ids are lower-case hex; `parentSpanId` `undefined`: a root. Events and links are not read. */
export type Span = {
  readonly traceId: string; // 32 hex digits
  readonly spanId: string; // 16 hex digits
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
};

/** `malformed`: spans left out because an id had the wrong length or the end lay before the start. */
export type ResourceSpans = {
  readonly resource: Attributes;
  readonly spans: readonly Span[];
  readonly malformed: number;
};

/** Of a log record what Heddle has a use for; `traceId` empty: none. */
export type LogRecord = {
  readonly eventName: string;
  /** When it happened, else when it was seen. */
  readonly timeUnixNano: bigint;
  readonly traceId: string;
  readonly attributes: Attributes;
};

export type ResourceLogs = {
  readonly resource: Attributes;
  readonly records: readonly LogRecord[];
};

/** Bounds on what one export request may hold, so that a small body cannot become a large heap. */
export type OtlpLimits = {
  readonly maxItems: number; // spans, data points or log records
  readonly maxElements: number; // every repeated thing: items, attributes, buckets
  readonly maxValueDepth: number; // arrays and maps inside attribute values
};

/** 60 s of windows of a busy proxy fit well into these. */
export const DEFAULT_OTLP_LIMITS: OtlpLimits = {
  maxItems: 100_000,
  maxElements: 4_000_000,
  maxValueDepth: 8,
};

/** The body is not an OTLP export request, or passes a limit; `offset` is the byte it failed at, in protobuf. */
export class OtlpDecodeError extends Error {
  override readonly name = "OtlpDecodeError";
  readonly code = "HEDDLE_OTLP_DECODE";
  readonly offset: number | undefined;
  constructor(message: string, offset?: number, options?: ErrorOptions) {
    super(offset === undefined ? message : `${message} (at byte ${offset})`, options);
    this.offset = offset;
  }
}

/** Counts what one request has allocated so far against the limits. */
export class DecodeBudget {
  readonly limits: OtlpLimits;
  #items = 0;
  #elements = 0;

  constructor(limits: OtlpLimits) {
    this.limits = limits;
  }

  takeItem(): void {
    this.#items += 1;
    if (this.#items > this.limits.maxItems) {
      throw new OtlpDecodeError(
        `more than ${this.limits.maxItems} spans, data points or log records in one request`,
      );
    }
    this.takeElements(1);
  }

  takeElements(count: number): void {
    this.#elements += count;
    if (this.#elements > this.limits.maxElements) {
      throw new OtlpDecodeError(
        `more than ${this.limits.maxElements} attributes and buckets in one request`,
      );
    }
  }
}
