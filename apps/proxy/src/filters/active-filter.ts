import type { FilterDefinition, FilterLogger } from "@heddle/filter-api";
import type { EventCounter, TrafficRecorder } from "../core/traffic-recorder.ts";
import type { ContextFilter, LineLogger } from "./filter-context.ts";
import { FilterGuard } from "./filter-guard.ts";
import type { FilterFile } from "./filter-library.ts";
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
