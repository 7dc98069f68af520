import {
  type EdgeCounts,
  type EdgeTraffic,
  edgeId,
  effectiveTally,
  NONE_OPEN,
  type OpenConnections,
  type TrafficNode,
  TrafficTally,
} from "@heddle/mesh";

/** An edge the collector knows. Mutable: what is learnt about it stays with it. */
export type EdgeRecord = {
  readonly id: string;
  source: TrafficNode;
  destination: TrafficNode;
  /** Once the source's proxy has counted, only its counts are used. */
  isSourceReported: boolean;
  sourcePrincipal: string | undefined;
  lastRequestMs: number; // 0: known from spans alone
  heardMs: number; // when anything was last said of it, on the collector's clock
  /** Opaque connections that are open now, by proxy and reporter; `undefined`: never any. */
  openByProxy: Map<string, ReportedOpen> | undefined;
  /** The database's id; `undefined`: not saved yet. */
  storedId: number | undefined;
  /** Whether the database lacks something of the above. */
  isUnsaved: boolean;
};

export type Reporter = "source" | "destination";

/** What one proxy last said of an edge's open connections. */
export type ReportedOpen = OpenConnections & {
  readonly reporter: Reporter;
  readonly endMs: number;
};

/** A 10 s bucket of one edge that the database has not got yet in this form. */
export type UnsavedCell = {
  readonly edge: EdgeRecord;
  readonly startMs: number;
  readonly tally: TrafficTally;
};

/** Traffic over a window, with the time that was really covered. */
export type CollectedTraffic = {
  readonly edges: readonly EdgeTraffic[];
  readonly fromMs: number;
  readonly toMs: number;
};

export type MemoryLimits = {
  readonly maxEdges: number;
  /** Cells of edge × bucket in both rings together; the oldest 10 s buckets go first. */
  readonly maxCells: number;
};

const SECOND_MS = 1000;
const BUCKET_MS = 10_000;
const SECONDS_KEPT_MS = 150_000;
const BUCKETS_KEPT_MS = 3_600_000 + 60_000;
/** A proxy says each second which of its connections are open; after this it is gone with them. */
const OPEN_KEPT_MS = 10_000;

type Cells = Map<EdgeRecord, EdgeCounts>;

/**
 * The last 150 s by second and the last hour by 10 s, all edges of a moment together, so that the
 * oldest moment can be let go in one step. What an earlier run has saved is kept apart as `loaded`:
 * it is shown but never written again.
 */
export class TrafficMemory {
  readonly #limits: MemoryLimits;
  readonly #edges = new Map<string, EdgeRecord>();
  readonly #seconds = new Map<number, Cells>();
  readonly #buckets = new Map<number, Cells>();
  readonly #loaded = new Map<number, Map<EdgeRecord, TrafficTally>>();
  readonly #unsaved = new Map<number, Set<EdgeRecord>>();
  #firstDataMs: number | undefined;
  #loadedUntilMs = 0;
  #cellCount = 0;
  /** Counts that left memory before the database had them. */
  droppedCells = 0;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  get edgeCount(): number {
    return this.#edges.size;
  }

  get cellCount(): number {
    return this.#cellCount;
  }

  get unsavedCount(): number {
    let count = 0;
    for (const edges of this.#unsaved.values()) count += edges.size;
    return count;
  }

  edges(): IterableIterator<EdgeRecord> {
    return this.#edges.values();
  }

  findEdge(id: string): EdgeRecord | undefined {
    return this.#edges.get(id);
  }

  /** The edge's record, made if need be. `undefined`: the limit on edges is reached. */
  edgeBetween(
    source: TrafficNode,
    destination: TrafficNode,
    nowMs: number,
  ): EdgeRecord | undefined {
    const id = edgeId(source.id, destination.id);
    const known = this.#edges.get(id);
    if (known) {
      known.heardMs = nowMs;
      return known;
    }
    if (this.#edges.size >= this.#limits.maxEdges) return undefined;
    const edge: EdgeRecord = {
      id,
      source,
      destination,
      isSourceReported: false,
      sourcePrincipal: undefined,
      lastRequestMs: 0,
      heardMs: nowMs,
      openByProxy: undefined,
      storedId: undefined,
      isUnsaved: true,
    };
    this.#edges.set(id, edge);
    return edge;
  }

  /** Adds to the second and the 10 s bucket in which a window that ended at `endMs` lies. */
  add(
    edge: EdgeRecord,
    reporter: Reporter,
    endMs: number,
    count: (tally: TrafficTally) => void,
  ): void {
    const momentMs = endMs - 1; // a window that ends on the full second belongs to the one before
    const secondMs = floorTo(momentMs, SECOND_MS);
    const bucketMs = floorTo(momentMs, BUCKET_MS);
    this.#firstDataMs = Math.min(this.#firstDataMs ?? secondMs, secondMs);
    count(tallyOf(this.#cell(this.#seconds, secondMs, edge), reporter));
    count(tallyOf(this.#cell(this.#buckets, bucketMs, edge), reporter));
    let unsaved = this.#unsaved.get(bucketMs);
    if (!unsaved) this.#unsaved.set(bucketMs, (unsaved = new Set()));
    unsaved.add(edge);
  }

  /** Takes in what an earlier run saved of a 10 s bucket. */
  addLoaded(edge: EdgeRecord, startMs: number, tally: TrafficTally): void {
    let loaded = this.#loaded.get(startMs);
    if (!loaded) this.#loaded.set(startMs, (loaded = new Map()));
    const before = loaded.get(edge);
    if (before) before.merge(tally);
    else {
      loaded.set(edge, tally);
      this.#cellCount += 1;
    }
    this.#firstDataMs = Math.min(this.#firstDataMs ?? startMs, startMs);
    this.#loadedUntilMs = Math.max(this.#loadedUntilMs, startMs + BUCKET_MS);
  }

  /** The first moment that is still in memory, as 10 s buckets. */
  firstBucketMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const startMs of this.#buckets.keys()) first = Math.min(first, startMs);
    for (const startMs of this.#loaded.keys()) first = Math.min(first, startMs);
    return first;
  }

  /**
   * Traffic in [fromMs, toMs). Exact to the second for the last 150 s; before that, and where an earlier
   * run counted, the start moves down to a whole 10 s. The answer says from when it really counts, which is
   * later than asked for if the collector has no data that old.
   */
  collect(fromMs: number, toMs: number, withLatency = true): CollectedTraffic {
    const { counts, startMs } = this.#countsBetween(fromMs, toMs);
    const edges: EdgeTraffic[] = [];
    for (const [edge, parts] of counts) {
      const tally = effectiveTally(parts, edge.isSourceReported, withLatency);
      edges.push(toTraffic(edge, tally, toMs));
    }
    const coveredFromMs = Math.max(
      startMs,
      Math.min(this.#firstDataMs ?? startMs, toMs - SECOND_MS),
    );
    return { edges, fromMs: coveredFromMs, toMs };
  }

  /** One edge's 10 s buckets (or seconds) that start in [fromMs, toMs), the empty ones left out. */
  stepsOf(
    edge: EdgeRecord,
    unit: "second" | "bucket",
    fromMs: number,
    toMs: number,
  ): { readonly startMs: number; readonly tally: TrafficTally }[] {
    const stepMs = unit === "second" ? SECOND_MS : BUCKET_MS;
    const steps = [];
    for (let startMs = floorTo(fromMs, stepMs); startMs < toMs; startMs += stepMs) {
      const parts: EdgeCounts[] = [];
      this.#partsAt(unit, startMs, (at, part) => at === edge && parts.push(part), edge);
      if (parts.length > 0) {
        steps.push({ startMs, tally: effectiveTally(parts, edge.isSourceReported) });
      }
    }
    return steps;
  }

  /** From when on `stepsOf` can answer in seconds. */
  secondsFromMs(nowMs: number): number {
    return Math.max(this.#loadedUntilMs, nowMs - SECONDS_KEPT_MS);
  }

  /** Up to `max` buckets the database lacks, oldest first; they count as saved until `markUnsaved`. */
  takeUnsaved(max: number): UnsavedCell[] {
    const taken: UnsavedCell[] = [];
    for (const startMs of [...this.#unsaved.keys()].sort((a, b) => a - b)) {
      const edges = this.#unsaved.get(startMs) ?? new Set();
      for (const edge of edges) {
        if (taken.length >= max) return taken;
        edges.delete(edge);
        const counts = this.#buckets.get(startMs)?.get(edge);
        if (!counts) continue;
        taken.push({ edge, startMs, tally: effectiveTally([counts], edge.isSourceReported) });
      }
      this.#unsaved.delete(startMs);
    }
    return taken;
  }

  /** The database did not take these after all. */
  markUnsaved(cells: readonly UnsavedCell[]): void {
    for (const { startMs, edge } of cells) {
      if (!this.#buckets.get(startMs)?.has(edge)) {
        this.droppedCells += 1;
        continue;
      }
      let unsaved = this.#unsaved.get(startMs);
      if (!unsaved) this.#unsaved.set(startMs, (unsaved = new Set()));
      unsaved.add(edge);
    }
  }

  /** Lets go of what is too old, and of the oldest while there is too much. */
  forget(nowMs: number): void {
    for (const startMs of this.#seconds.keys()) {
      if (startMs < nowMs - SECONDS_KEPT_MS) this.#drop(this.#seconds, startMs);
    }
    const starts = [...new Set([...this.#buckets.keys(), ...this.#loaded.keys()])];
    for (const startMs of starts.sort((a, b) => a - b)) {
      const isTooOld = startMs < nowMs - BUCKETS_KEPT_MS;
      if (!isTooOld && this.#cellCount <= this.#limits.maxCells) break;
      this.#dropBucket(startMs);
    }
    for (const edge of this.#edges.values()) {
      const isQuiet = edge.heardMs < nowMs - BUCKETS_KEPT_MS;
      if (isQuiet && !edge.isUnsaved && !this.#isHeld(edge)) this.#edges.delete(edge.id);
    }
  }

  #isHeld(edge: EdgeRecord): boolean {
    for (const cells of this.#buckets.values()) if (cells.has(edge)) return true;
    for (const cells of this.#loaded.values()) if (cells.has(edge)) return true;
    return false;
  }

  #dropBucket(startMs: number): void {
    this.droppedCells += this.#unsaved.get(startMs)?.size ?? 0;
    this.#unsaved.delete(startMs);
    this.#drop(this.#buckets, startMs);
    this.#drop(this.#loaded, startMs);
    const firstMs = this.firstBucketMs();
    if (Number.isFinite(firstMs)) this.#firstDataMs = Math.max(this.#firstDataMs ?? 0, firstMs);
  }

  #drop(ring: Map<number, Map<EdgeRecord, unknown>>, startMs: number): void {
    this.#cellCount -= ring.get(startMs)?.size ?? 0;
    ring.delete(startMs);
  }

  #cell(ring: Map<number, Cells>, startMs: number, edge: EdgeRecord): EdgeCounts {
    let cells = ring.get(startMs);
    if (!cells) ring.set(startMs, (cells = new Map()));
    let counts = cells.get(edge);
    if (!counts) {
      cells.set(edge, (counts = { bySource: undefined, byDestination: undefined }));
      this.#cellCount += 1;
    }
    return counts;
  }

  #countsBetween(fromMs: number, toMs: number) {
    const counts = new Map<EdgeRecord, EdgeCounts[]>();
    const take = (edge: EdgeRecord, part: EdgeCounts) => {
      const parts = counts.get(edge);
      if (parts) parts.push(part);
      else counts.set(edge, [part]);
    };
    const secondsFromMs = this.secondsFromMs(toMs);
    if (fromMs >= secondsFromMs) {
      for (let at = fromMs; at < toMs; at += SECOND_MS) this.#partsAt("second", at, take);
      return { counts, startMs: fromMs };
    }
    const startMs = floorTo(fromMs, BUCKET_MS);
    const borderMs = floorTo(secondsFromMs + BUCKET_MS - 1, BUCKET_MS);
    for (let at = startMs; at < Math.min(borderMs, toMs); at += BUCKET_MS) {
      this.#partsAt("bucket", at, take);
    }
    for (let at = borderMs; at < toMs; at += SECOND_MS) this.#partsAt("second", at, take);
    return { counts, startMs };
  }

  #partsAt(
    unit: "second" | "bucket",
    startMs: number,
    take: (edge: EdgeRecord, part: EdgeCounts) => void,
    only?: EdgeRecord,
  ): void {
    const cells = (unit === "second" ? this.#seconds : this.#buckets).get(startMs);
    const loaded = unit === "second" ? undefined : this.#loaded.get(startMs);
    if (only) {
      const own = cells?.get(only);
      const earlier = loaded?.get(only);
      if (own) take(only, own);
      if (earlier) take(only, { bySource: earlier, byDestination: earlier });
      return;
    }
    for (const [edge, part] of cells ?? []) take(edge, part);
    for (const [edge, tally] of loaded ?? []) take(edge, { bySource: tally, byDestination: tally });
  }
}

/** `asOfMs`: the window's end. */
export function toTraffic(edge: EdgeRecord, tally: TrafficTally, asOfMs: number): EdgeTraffic {
  return {
    id: edge.id,
    source: edge.source,
    destination: edge.destination,
    tally,
    open: openConnections(edge, asOfMs),
    lastRequestMs: edge.lastRequestMs,
    sourcePrincipal: edge.sourcePrincipal,
  };
}

/**
 * Open connections of proxies that still report: as many as the source's say, or where none reports the
 * destination's; how they came only the destination's know. Forgets proxies that fell silent.
 */
function openConnections(edge: EdgeRecord, asOfMs: number): OpenConnections {
  const { openByProxy, isSourceReported } = edge;
  if (openByProxy === undefined) return NONE_OPEN;
  const sum = { source: 0, destination: 0, mtls: 0, plaintext: 0 };
  for (const [proxy, { reporter, count, mtls, plaintext, endMs }] of openByProxy) {
    if (endMs < asOfMs - OPEN_KEPT_MS) {
      openByProxy.delete(proxy);
      continue;
    }
    sum[reporter] += count;
    sum.mtls += mtls;
    sum.plaintext += plaintext;
  }
  if (openByProxy.size === 0) edge.openByProxy = undefined;
  const count = isSourceReported ? sum.source : sum.destination;
  return { count, mtls: sum.mtls, plaintext: sum.plaintext };
}

function tallyOf(counts: EdgeCounts, reporter: Reporter): TrafficTally {
  if (reporter === "source") return (counts.bySource ??= new TrafficTally());
  return (counts.byDestination ??= new TrafficTally());
}

function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}
