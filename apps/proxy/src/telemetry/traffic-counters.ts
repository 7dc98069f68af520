/** Envoy's default bounds (`le`), which Istio uses for milliseconds and for bytes alike. */
export const ISTIO_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000,
];
/** One more than there are bounds: the last takes what lies above all of them. */
export const ISTIO_BUCKETS = ISTIO_BOUNDS.length + 1;
const bounds = Float64Array.from(ISTIO_BOUNDS);

/** Buckets per doubling are 2^scale: 16, so a value differs from its bucket's middle by ≤ 2.2 %. */
export const LATENCY_SCALE = 4;
const PER_OCTAVE = 2 ** LATENCY_SCALE;
const FIRST_OCTAVE = -10; // 2^-10 ms: about 1 µs
const OCTAVES = 32; // up to 2^22 ms: about 70 minutes
export const LATENCY_BUCKETS = OCTAVES * PER_OCTAVE;
/** OTLP's index of our first bucket. */
export const FIRST_LATENCY_INDEX = FIRST_OCTAVE * PER_OCTAVE;

/**
 * Exact counts of every series since the start, in typed arrays indexed by series; and the latencies
 * since the last `clearLatencies` as an exponential histogram. Plain mutable arrays on purpose: this
 * is the request path (bench/telemetry.ts).
 */
export class TrafficCounters {
  requests: Float64Array;
  latencySumMs: Float64Array;
  requestBytes: Float64Array;
  responseBytes: Float64Array;
  /** Latencies of exactly 0, which no bucket can hold. */
  zeroLatencies: Uint32Array;
  latencies: Uint32Array;
  /** Per series `ISTIO_BUCKETS` counts, not cumulative over buckets. */
  latencyByBound: Float64Array;
  requestBytesByBound: Float64Array;
  responseBytesByBound: Float64Array;
  #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.requests = new Float64Array(capacity);
    this.latencySumMs = new Float64Array(capacity);
    this.requestBytes = new Float64Array(capacity);
    this.responseBytes = new Float64Array(capacity);
    this.zeroLatencies = new Uint32Array(capacity);
    this.latencies = new Uint32Array(capacity * LATENCY_BUCKETS);
    this.latencyByBound = new Float64Array(capacity * ISTIO_BUCKETS);
    this.requestBytesByBound = new Float64Array(capacity * ISTIO_BUCKETS);
    this.responseBytesByBound = new Float64Array(capacity * ISTIO_BUCKETS);
  }

  /** Makes room for `count` series, by doubling. */
  reserve(count: number): void {
    if (count <= this.#capacity) return;
    const capacity = Math.max(count, 2 * this.#capacity);
    this.requests = grown(this.requests, capacity);
    this.latencySumMs = grown(this.latencySumMs, capacity);
    this.requestBytes = grown(this.requestBytes, capacity);
    this.responseBytes = grown(this.responseBytes, capacity);
    this.latencyByBound = grown(this.latencyByBound, capacity * ISTIO_BUCKETS);
    this.requestBytesByBound = grown(this.requestBytesByBound, capacity * ISTIO_BUCKETS);
    this.responseBytesByBound = grown(this.responseBytesByBound, capacity * ISTIO_BUCKETS);
    const zero = new Uint32Array(capacity);
    zero.set(this.zeroLatencies);
    this.zeroLatencies = zero;
    const latencies = new Uint32Array(capacity * LATENCY_BUCKETS);
    latencies.set(this.latencies);
    this.latencies = latencies;
    this.#capacity = capacity;
  }

  record(series: number, latencyMs: number, requestBytes: number, responseBytes: number): void {
    const latency = latencyMs > 0 ? latencyMs : 0; // a clock that went back, or NaN, counts as 0
    this.requests[series] = (this.requests[series] as number) + 1;
    this.latencySumMs[series] = (this.latencySumMs[series] as number) + latency;
    this.requestBytes[series] = (this.requestBytes[series] as number) + requestBytes;
    this.responseBytes[series] = (this.responseBytes[series] as number) + responseBytes;
    if (latency === 0) this.zeroLatencies[series] = (this.zeroLatencies[series] as number) + 1;
    else increment(this.latencies, series * LATENCY_BUCKETS + latencyBucket(latency));
    const row = series * ISTIO_BUCKETS;
    increment(this.latencyByBound, row + boundBucket(latency));
    increment(this.requestBytesByBound, row + boundBucket(requestBytes));
    increment(this.responseBytesByBound, row + boundBucket(responseBytes));
  }

  /** The slot begins anew, for other labels. */
  clear(series: number): void {
    this.requests[series] = 0;
    this.latencySumMs[series] = 0;
    this.requestBytes[series] = 0;
    this.responseBytes[series] = 0;
    const row = series * ISTIO_BUCKETS;
    this.latencyByBound.fill(0, row, row + ISTIO_BUCKETS);
    this.requestBytesByBound.fill(0, row, row + ISTIO_BUCKETS);
    this.responseBytesByBound.fill(0, row, row + ISTIO_BUCKETS);
    this.clearLatencies(series);
  }

  /** Starts the exponential histogram of a series again, after it was exported. */
  clearLatencies(series: number): void {
    this.zeroLatencies[series] = 0;
    this.latencies.fill(0, series * LATENCY_BUCKETS, (series + 1) * LATENCY_BUCKETS);
  }
}

/** Bucket i holds (2^((FIRST + i) / 16), 2^((FIRST + i + 1) / 16)]; what lies outside goes to an end. */
export function latencyBucket(latencyMs: number): number {
  const bucket = Math.ceil(Math.log2(latencyMs) * PER_OCTAVE) - 1 - FIRST_LATENCY_INDEX;
  return bucket < 0 ? 0 : bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/** The first bound that is not below the value, by halving. */
function boundBucket(value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (bounds[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function increment(counts: Float64Array | Uint32Array, index: number): void {
  counts[index] = (counts[index] as number) + 1;
}

/** A copy with room for more. */
export function grown(values: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(length);
  copy.set(values);
  return copy;
}
