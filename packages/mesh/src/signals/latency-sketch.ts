/**
 * A mergeable distribution of latencies in ms: OTLP's base-2 exponential histogram at scale 4, i.e. 16
 * buckets an octave, bucket i holding (2^(i/16), 2^((i+1)/16)]. A quantile is off by at most 2.2 %.
 * Buckets are kept sparse and sorted, since most sketches hold one edge's one second.
 */
export const SKETCH_SCALE = 4;
const BUCKETS_PER_OCTAVE = 2 ** SKETCH_SCALE;

/** Latencies from about 1 ns to 12 days; what lies outside counts in the outermost bucket. */
const MIN_INDEX = -20 * BUCKETS_PER_OCTAVE;
const MAX_INDEX = 30 * BUCKETS_PER_OCTAVE - 1;

const ENCODING_VERSION = 1;

/** Bytes that are no encoded sketch. */
export class SketchDecodeError extends Error {
  override readonly name = "SketchDecodeError";
  readonly code = "HEDDLE_SKETCH_DECODE";
}

export class LatencySketch {
  #zeroCount = 0;
  #count = 0;
  #indexes: number[] = [];
  #counts: number[] = [];

  /** How many latencies it holds. */
  get count(): number {
    return this.#count;
  }

  /** Adds `count` requests of `latencyMs`; 0 and below count as zero. */
  record(latencyMs: number, count = 1): void {
    if (count <= 0) return;
    if (!(latencyMs > 0)) this.addZero(count);
    else this.addBucket(bucketOf(latencyMs), count);
  }

  addZero(count: number): void {
    this.#zeroCount += count;
    this.#count += count;
  }

  /** Adds `count` to bucket `index` of scale 4. */
  addBucket(index: number, count: number): void {
    if (count <= 0) return;
    const clamped = Math.min(MAX_INDEX, Math.max(MIN_INDEX, index));
    this.#count += count;
    const at = lowerBound(this.#indexes, clamped);
    if (this.#indexes[at] === clamped) {
      this.#counts[at] = (this.#counts[at] as number) + count;
      return;
    }
    this.#indexes.splice(at, 0, clamped);
    this.#counts.splice(at, 0, count);
  }

  /**
   * Adds an OTLP exponential histogram of any scale. A finer one is downscaled exactly; a coarser one
   * is spread evenly over the buckets it covers, so that no count is lost.
   */
  addExponential(
    scale: number,
    offset: number,
    counts: readonly number[],
    zeroCount: number,
  ): void {
    if (zeroCount > 0) this.addZero(zeroCount);
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i] as number;
      if (count <= 0) continue;
      const index = offset + i;
      if (scale >= SKETCH_SCALE) {
        this.addBucket(Math.floor(index / 2 ** Math.min(64, scale - SKETCH_SCALE)), count);
      } else this.#spread(index, SKETCH_SCALE - scale, count);
    }
  }

  /** Adds a histogram with explicit bounds: each bucket's count lies at its geometric middle. */
  addExplicit(bounds: readonly number[], counts: readonly number[]): void {
    for (let i = 0; i < counts.length; i++) {
      const lower = bounds[i - 1];
      const upper = bounds[i];
      const latency =
        upper === undefined
          ? (lower ?? 0)
          : lower && lower > 0
            ? Math.sqrt(lower * upper)
            : upper / 2;
      this.record(latency, counts[i] ?? 0);
    }
  }

  /** Adds all of `other`; the order of merges does not matter. */
  merge(other: LatencySketch): void {
    if (other.#count === 0) return;
    this.#zeroCount += other.#zeroCount;
    this.#count += other.#count;
    const indexes: number[] = [];
    const counts: number[] = [];
    let a = 0;
    let b = 0;
    while (a < this.#indexes.length || b < other.#indexes.length) {
      const left = this.#indexes[a] ?? Number.POSITIVE_INFINITY;
      const right = other.#indexes[b] ?? Number.POSITIVE_INFINITY;
      const index = Math.min(left, right);
      let count = 0;
      if (left === index) count += this.#counts[a++] as number;
      if (right === index) count += other.#counts[b++] as number;
      indexes.push(index);
      counts.push(count);
    }
    this.#indexes = indexes;
    this.#counts = counts;
  }

  /** The latency below which `quantile` (0–1) of the requests lie. `undefined`: it holds none. */
  quantile(quantile: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = this.#zeroCount;
    if (rank <= seen) return 0;
    for (let i = 0; i < this.#indexes.length; i++) {
      seen += this.#counts[i] as number;
      if (rank <= seen) return middleMs(this.#indexes[i] as number);
    }
    return middleMs(this.#indexes.at(-1) ?? 0);
  }

  /** How many lie in buckets above the one that holds `latencyMs`. */
  countAbove(latencyMs: number): number {
    const first = latencyMs > 0 ? lowerBound(this.#indexes, bucketOf(latencyMs) + 1) : 0;
    let above = 0;
    for (let i = first; i < this.#counts.length; i++) above += this.#counts[i] as number;
    return above;
  }

  /** Sparse varints: version, zero count, number of buckets, then for each (index step, count). */
  encode(): Uint8Array {
    const bytes: number[] = [ENCODING_VERSION];
    pushVarint(bytes, this.#zeroCount);
    pushVarint(bytes, this.#indexes.length);
    let previous = MIN_INDEX;
    for (let i = 0; i < this.#indexes.length; i++) {
      const index = this.#indexes[i] as number;
      pushVarint(bytes, index - previous);
      pushVarint(bytes, this.#counts[i] as number);
      previous = index;
    }
    return Uint8Array.from(bytes);
  }

  /** Throws `SketchDecodeError` on bytes that `encode` has not made. */
  static decode(bytes: Uint8Array): LatencySketch {
    const sketch = new LatencySketch();
    const reader = { bytes, at: 0 };
    if (readVarint(reader) !== ENCODING_VERSION) throw new SketchDecodeError("unknown version");
    sketch.#zeroCount = readVarint(reader);
    sketch.#count = sketch.#zeroCount;
    const buckets = readVarint(reader);
    if (buckets > MAX_INDEX - MIN_INDEX + 1) throw new SketchDecodeError(`${buckets} buckets`);
    let index = MIN_INDEX;
    for (let i = 0; i < buckets; i++) {
      const step = readVarint(reader);
      const count = readVarint(reader);
      index += step;
      if ((i > 0 && step === 0) || index > MAX_INDEX || count === 0) {
        throw new SketchDecodeError(`bucket ${i}: step ${step}, count ${count}`);
      }
      sketch.#indexes.push(index);
      sketch.#counts.push(count);
      sketch.#count += count;
    }
    if (reader.at !== bytes.length) throw new SketchDecodeError("bytes left over");
    if (!Number.isSafeInteger(sketch.#count)) throw new SketchDecodeError("count above 2^53");
    return sketch;
  }

  #spread(index: number, levels: number, count: number): void {
    const width = 2 ** Math.min(levels, 10);
    const first = index * 2 ** levels;
    const each = Math.floor(count / width);
    let rest = count - each * width;
    for (let i = 0; i < width; i++) {
      this.addBucket(first + i, each + (rest > 0 ? 1 : 0));
      rest -= 1;
    }
  }
}

function bucketOf(latencyMs: number): number {
  return Math.ceil(Math.log2(latencyMs) * BUCKETS_PER_OCTAVE) - 1;
}

/** The value whose relative distance to both ends of the bucket is the same. */
function middleMs(index: number): number {
  const lower = 2 ** (index / BUCKETS_PER_OCTAVE);
  const upper = 2 ** ((index + 1) / BUCKETS_PER_OCTAVE);
  return (2 * lower * upper) / (lower + upper);
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function readVarint(reader: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0;
  let factor = 1;
  for (let i = 0; i < 8; i++) {
    const byte = reader.bytes[reader.at];
    if (byte === undefined) throw new SketchDecodeError("ends inside a number");
    reader.at += 1;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
  throw new SketchDecodeError("number longer than 8 bytes");
}
