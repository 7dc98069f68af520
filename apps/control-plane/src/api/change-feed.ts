import type { ChangeEvent } from "@heddle/contracts";

type Listener = (event: ChangeEvent) => void;

const REGISTRY_QUIET_MS = 250;
const OBSERVATIONS_QUIET_MS = 1000;
const IDENTITY_QUIET_MS = 500;
const GUARDS_QUIET_MS = 250;
const EFFECTS_QUIET_MS = 250;
const PUSHES_QUIET_MS = 250;

/**
 * Tells listeners of revisions at once, of the registry and of guards at most four times a second and of
 * what proxies observe at most once a second.
 */
export class ChangeFeed {
  readonly #listeners = new Set<Listener>();
  #registryTimer: NodeJS.Timeout | undefined;
  #observationsTimer: NodeJS.Timeout | undefined;
  #identityTimer: NodeJS.Timeout | undefined;
  #guardsTimer: NodeJS.Timeout | undefined;
  #effectsTimer: NodeJS.Timeout | undefined;
  #pushesTimer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns the function that ends the subscription. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: ChangeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Workloads or proxies came, went or changed state. */
  noteRegistry(): void {
    if (this.#registryTimer) return;
    this.#registryTimer = setTimeout(() => {
      this.#registryTimer = undefined;
      this.tell({ type: "registry" });
    }, REGISTRY_QUIET_MS).unref();
  }

  /** Something is held in the registry and asks, or no longer. */
  noteHolds(): void {
    this.tell({ type: "holds" });
  }

  /** A guarded flip began, has counted refusals or has ended. */
  noteGuards(): void {
    if (this.#guardsTimer) return;
    this.#guardsTimer = setTimeout(() => {
      this.#guardsTimer = undefined;
      this.tell({ type: "guards" });
    }, GUARDS_QUIET_MS).unref();
  }

  /** Revisions were judged, pinned, named or commented on. */
  noteEffects(): void {
    if (this.#effectsTimer) return;
    this.#effectsTimer = setTimeout(() => {
      this.#effectsTimer = undefined;
      this.tell({ type: "effects" });
    }, EFFECTS_QUIET_MS).unref();
  }

  /** A canaried push began, went on or ended. */
  notePushes(): void {
    if (this.#pushesTimer) return;
    this.#pushesTimer = setTimeout(() => {
      this.#pushesTimer = undefined;
      this.tell({ type: "pushes" });
    }, PUSHES_QUIET_MS).unref();
  }

  /** Authorities, certificates, join tokens or a rotation's progress have changed. */
  noteIdentity(): void {
    if (this.#identityTimer) return;
    this.#identityTimer = setTimeout(() => {
      this.#identityTimer = undefined;
      this.tell({ type: "identity" });
    }, IDENTITY_QUIET_MS).unref();
  }

  /** What proxies see of endpoints has changed. */
  noteObservations(): void {
    if (this.#observationsTimer) return;
    this.#observationsTimer = setTimeout(() => {
      this.#observationsTimer = undefined;
      this.tell({ type: "observations" });
    }, OBSERVATIONS_QUIET_MS).unref();
  }
}
