import type { FilterDefinition, FilterLogger } from "@heddle/filter-api";
import type { EventCounter, TrafficRecorder } from "../core/traffic-recorder.ts";
import type { ContextFilter, LineLogger } from "./filter-context.ts";
import { FilterGuard } from "./filter-guard.ts";
import type { FilterFile, FilterLibrary } from "./filter-library.ts";
import { readFilterSettings } from "./filter-settings.ts";
import { FilterWorker } from "./filter-worker.ts";

/** A filter to run, as a document or the proxy's own file says it. */
export type FilterSetting = {
  readonly name: string;
  readonly direction: "inbound" | "outbound";
  readonly settings: unknown;
  readonly onFailure: "skip" | "fail";
  readonly budgetMs: number;
  readonly isolation?: "inline" | "worker" | undefined;
};

/**
 * How a filter failed: it threw or its promise was rejected; it held the thread longer than its budget;
 * its promise took longer; it is switched off after repeated overruns; there is no such filter here; its
 * worker ended; what it made of the head is none.
 */
export type FailureKind =
  | "throw"
  | "overrun"
  | "timeout"
  | "off"
  | "missing"
  | "worker"
  | "invalid";

const COMPLAINT_MS = 1_000;
const MAX_KEPT_EVENTS = 100;

function speakThrough(logger: LineLogger, filter: string, workload: string): FilterLogger {
  const child = logger.child({ filter, workload });
  return {
    debug: (message, fields = {}) => child.debug(fields, message),
    info: (message, fields = {}) => child.info(fields, message),
    warn: (message, fields = {}) => child.warn(fields, message),
    error: (message, fields = {}) => child.error(fields, message),
  };
}

/** One filter of one workload, with its settings read and its record so far. */
export class ActiveFilter implements ContextFilter {
  readonly setting: FilterSetting;
  readonly workload: string;
  /** `undefined`: it cannot run, `problem` says why. */
  readonly definition: FilterDefinition<unknown> | undefined;
  readonly settings: unknown;
  readonly problem: string | undefined;
  readonly guard: FilterGuard;
  /** Where it runs, if not in the proxy's thread. */
  readonly worker: FilterWorker | undefined;
  readonly #file: FilterFile | undefined;
  readonly failures = new Map<FailureKind, number>();
  #complainedMs = Number.NEGATIVE_INFINITY;
  #log: FilterLogger | undefined;
  readonly #events = new Map<string, EventCounter>();

  /** `found`: as `findFilter` has it. Nothing runs before the first request, or `worker.start`. */
  constructor(
    setting: FilterSetting,
    workload: string,
    found: { readonly file: FilterFile; readonly settings: unknown } | { readonly problem: string },
  ) {
    this.setting = setting;
    this.workload = workload;
    this.guard = new FilterGuard();
    if ("problem" in found) {
      this.problem = found.problem;
      this.definition = undefined;
      this.settings = undefined;
      this.#file = undefined;
      this.worker = undefined;
      return;
    }
    this.#file = found.file;
    this.definition = found.file.definition;
    this.settings = found.settings;
    this.problem = undefined;
    this.worker =
      setting.isolation === "worker"
        ? new FilterWorker(found.file, {
            settings: setting.settings,
            direction: setting.direction,
            workload,
          })
        : undefined;
  }

  get name(): string {
    return this.setting.name;
  }

  get direction(): "inbound" | "outbound" {
    return this.setting.direction;
  }

  /** Whether it is the same filter still: then it goes on with its record. */
  isStill(setting: FilterSetting, file: FilterFile | undefined): boolean {
    return this.#file === file && JSON.stringify(this.setting) === JSON.stringify(setting);
  }

  countFailure(recorder: Pick<TrafficRecorder, "counter">, kind: FailureKind): void {
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
    recorder
      .counter("heddle_filter_failures_total", {
        workload: this.workload,
        filter: this.name,
        kind,
      })
      .add(1);
  }

  countEvent(recorder: Pick<TrafficRecorder, "counter">, event: string, by: number): void {
    let counter = this.#events.get(event);
    if (counter === undefined) {
      const labels = { workload: this.workload, filter: this.name, event };
      counter = recorder.counter("heddle_filter_events_total", labels);
      if (this.#events.size < MAX_KEPT_EVENTS) this.#events.set(event, counter);
    }
    counter.add(by);
  }

  /** Whether a failure is worth a line in the log: one a second is. */
  mayComplain(nowMs: number): boolean {
    if (nowMs - this.#complainedMs < COMPLAINT_MS) return false;
    this.#complainedMs = nowMs;
    return true;
  }

  /** The filter's own voice in the proxy's log. */
  logger(logger: LineLogger): FilterLogger {
    this.#log ??= speakThrough(logger, this.name, this.workload);
    return this.#log;
  }

  /** For `/config_dump`. */
  describe(nowMs: number): unknown {
    const { name, direction, onFailure, budgetMs, isolation = "inline" } = this.setting;
    const offForMs = Math.round(this.guard.offForMs(nowMs));
    return {
      name,
      direction,
      onFailure,
      budgetMs,
      isolation,
      state: this.problem !== undefined ? "missing" : offForMs > 0 ? "off" : "on",
      ...(this.problem !== undefined && { problem: this.problem }),
      ...(offForMs > 0 && { offForMs }),
      ...(this.worker !== undefined && { workerRestarts: this.worker.restarts }),
      failures: Object.fromEntries(this.failures),
    };
  }

  close(): void {
    this.worker?.close();
  }
}

/** A workload's filters for one direction, in order. */
export type FilterChain = {
  readonly filters: readonly ActiveFilter[];
};
/** `undefined`: none, requests of that direction need not look. */
export type WorkloadFilters = {
  readonly all: readonly ActiveFilter[];
  readonly inbound: FilterChain | undefined;
  readonly outbound: FilterChain | undefined;
};

export const NO_FILTERS: WorkloadFilters = Object.freeze({
  all: [],
  inbound: undefined,
  outbound: undefined,
});

/** A filter cannot be run as it is asked for; the message names it and the field. */
export class InvalidFilterError extends Error {
  override readonly name = "InvalidFilterError";
  readonly code = "HEDDLE_INVALID_FILTER";
}

/**
 * Makes a workload's filters ready. Those of `previous` that stay as they are go on as they are. Throws
 * `InvalidFilterError`; `isLenient` (the configuration from disk, which must not be lost to a file that
 * is gone): what cannot run then fails each request as its `onFailure` says.
 */
export function compileFilters(
  settings: readonly FilterSetting[],
  workload: string,
  library: FilterLibrary,
  previous: WorkloadFilters,
  isLenient: boolean,
): WorkloadFilters {
  if (settings.length === 0) return NO_FILTERS;
  const kept = new Set(previous.all);
  const all = settings.map((setting, index) => {
    const file = library.find(setting.name);
    for (const known of kept) {
      if (!known.isStill(setting, file)) continue;
      kept.delete(known);
      return known;
    }
    const found = findFilter(setting, library);
    if (!("problem" in found) || isLenient) return new ActiveFilter(setting, workload, found);
    throw new InvalidFilterError(`filters[${index}] "${setting.name}": ${found.problem}`);
  });
  const of = (direction: FilterSetting["direction"]) => {
    const filters = all.filter(({ setting }) => setting.direction === direction);
    return filters.length === 0 ? undefined : { filters };
  };
  return { all, inbound: of("inbound"), outbound: of("outbound") };
}

function findFilter(
  { name, settings, isolation }: FilterSetting,
  library: FilterLibrary,
): { readonly file: FilterFile; readonly settings: unknown } | { readonly problem: string } {
  const file = library.find(name);
  if (file === undefined) return { problem: whyMissing(name, library) };
  if (isolation === "worker" && file.definition.onResponseHead !== undefined) {
    return {
      problem:
        "isolation: worker is for filters without onResponseHead, since an answer under way does not wait",
    };
  }
  try {
    return { file, settings: readFilterSettings(file.definition, settings) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function whyMissing(name: string, { folder, names, faults }: FilterLibrary): string {
  if (folder === undefined) return "this proxy has no filters: HEDDLE_FILTERS_DIR is not set";
  const fault = faults.get(name);
  if (fault !== undefined) return `its file cannot be used: ${fault}`;
  const there = names.length === 0 ? "it holds none" : `it holds ${names.join(", ")}`;
  return `there is no such filter in the proxy's folder; ${there}`;
}
