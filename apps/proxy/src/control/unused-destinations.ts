import type { Subscription } from "@heddle/contracts/control-stream";
import type { HostResolver } from "../core/host-resolver.ts";
import type { LiveMesh } from "../core/live-mesh.ts";

/** A destination counts as unused after so many rounds without a request, and is given up in the next. */
const ROUNDS = 10;

type Parts = {
  readonly resolver: HostResolver;
  readonly mesh: LiveMesh;
  readonly unusedMs: number;
  /** Never given up. */
  readonly isKept: (subscription: Subscription) => boolean;
  /** Whether the control plane can be told, and asked again. */
  readonly canTell: () => boolean;
  readonly onUnused: (subscriptions: Subscription[]) => void;
};

/**
 * Gives up destinations nobody has asked for in a long time, here, on disk and at the control plane. Only while that
 * is there to be asked again: without it, what is known stays known.
 */
export class UnusedDestinations {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), this.#parts.unusedMs / ROUNDS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  check(): void {
    const { resolver, mesh, isKept, canTell, onUnused } = this.#parts;
    if (!canTell()) return;
    const unused = resolver.expire(ROUNDS, (subscription, answer) => {
      if (isKept(subscription)) return true;
      return answer !== undefined && answer !== null && mesh.isBusy(answer);
    });
    if (unused.length > 0) onUnused(unused);
  }
}
