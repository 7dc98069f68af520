import type { InstanceHealthWire } from "@heddle/contracts/control-stream";
import { formatId, type WorkloadId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import { type HealthCheckSettings, kindOf } from "./health-settings.ts";
import { type HealthState, onCheck } from "./health-state.ts";
import { type ProbeTarget, probe } from "./probe.ts";

/** A hosted app whose health is to be known. */
export type CheckedApp = {
  readonly id: WorkloadId;
  readonly settings: HealthCheckSettings;
  readonly target: ProbeTarget;
};

/** What the control plane is told when it has changed. */
export type HealthNews = { readonly workload: WorkloadId; readonly health: InstanceHealthWire };

/** Each pause is longer or shorter by up to so much, so that the checks of many apps spread. */
const JITTER_RATIO = 0.1;

/** Checks the hosted apps, each at its own pace, one check of it at a time. */
export class HealthChecker {
  readonly #checks: readonly AppCheck[];

  constructor(
    apps: readonly CheckedApp[],
    parts: {
      readonly tell: (news: HealthNews) => void;
      readonly logger: Logger;
      readonly draw: () => number;
    },
  ) {
    this.#checks = apps.map((app) => new AppCheck(app, parts));
  }

  /** `undefined`: nobody checks it. */
  healthOf(workload: WorkloadId): InstanceHealthWire | undefined {
    const id = formatId(workload);
    return this.#checks.find((check) => formatId(check.id) === id)?.health;
  }

  start(): void {
    for (const check of this.#checks) check.start();
  }

  stop(): void {
    for (const check of this.#checks) check.stop();
  }
}

class AppCheck {
  readonly id: WorkloadId;
  readonly #app: CheckedApp;
  readonly #tell: (news: HealthNews) => void;
  readonly #logger: Logger;
  readonly #draw: () => number;
  readonly #stopped = new AbortController();
  #state: HealthState;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    app: CheckedApp,
    parts: { tell: (news: HealthNews) => void; logger: Logger; draw: () => number },
  ) {
    this.id = app.id;
    this.#app = app;
    this.#tell = parts.tell;
    this.#logger = parts.logger;
    this.#draw = parts.draw;
    const reason = "not checked yet";
    this.#state = { status: "unknown", sinceMs: Date.now(), reason, against: 0 };
  }

  get health(): InstanceHealthWire {
    const { status, sinceMs, reason } = this.#state;
    const check = kindOf(this.#app.settings);
    return { status, check, sinceMs, ...(reason === undefined ? {} : { reason }) };
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  async #run(): Promise<void> {
    const { settings, target } = this.#app;
    const { timeoutMs, intervalMs } = settings;
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(timeoutMs)]);
    const failure = await probe(settings, target, signal);
    if (this.#stopped.signal.aborted) return;
    this.#note(failure);
    const jitter = 1 + (2 * this.#draw() - 1) * JITTER_RATIO;
    this.#timer = setTimeout(() => void this.#run(), intervalMs * jitter);
    this.#timer.unref();
  }

  #note(failure: string | undefined): void {
    const before = this.#state;
    this.#state = onCheck(before, { failure }, this.#app.settings, Date.now());
    if (this.#state.status === before.status && this.#state.reason === before.reason) return;
    const { health } = this;
    this.#tell({ workload: this.id, health });
    if (this.#state.status === before.status) return;
    const about = { workload: formatId(this.id), reason: health.reason };
    if (health.status === "healthy") this.#logger.info(about, "the app is healthy");
    else this.#logger.warn(about, "the app is not healthy");
  }
}
