import type { ChangeSource, RegistryHold } from "@heddle/contracts";
import type { ServiceId } from "@heddle/mesh";

/** Who answers a hold. */
export type HoldAnswer = {
  readonly author: string;
  readonly source: ChangeSource;
  readonly reason: string | undefined;
  /** `performance.now()` when the answer arrived. */
  readonly startedAt: number;
};

/** One reason for which something is held; it knows how to let it go. */
export interface HoldKeeper {
  list(nowMs: number): RegistryHold[];
  /** Lets go what is held; returns the revision that says so. */
  confirm(hold: RegistryHold, answer: HoldAnswer): Promise<number>;
  /** Keeps it without asking again. */
  dismiss(hold: RegistryHold, answer: HoldAnswer, nowMs: number): Promise<void>;
}

/** All that is held in the registry against its own word. */
export class RegistryHolds {
  readonly #keepers: readonly HoldKeeper[];
  readonly #onChange: (asking: readonly RegistryHold[]) => void;
  #shown = "[]";

  constructor(parts: {
    readonly keepers: readonly HoldKeeper[];
    /** Something is held, or no longer; with those that wait for an answer. */
    readonly onChange: (asking: readonly RegistryHold[]) => void;
  }) {
    this.#keepers = parts.keepers;
    this.#onChange = parts.onChange;
  }

  /** Those that ask first, the oldest of them first. */
  list(nowMs: number): RegistryHold[] {
    return this.#keepers.flatMap((keeper) => keeper.list(nowMs)).sort(byUrgency);
  }

  find(id: string, nowMs: number): RegistryHold | undefined {
    return this.list(nowMs).find((hold) => hold.id === id);
  }

  async confirm(hold: RegistryHold, answer: HoldAnswer): Promise<number> {
    const revision = await this.#keeperOf(hold)?.confirm(hold, answer);
    this.look(Date.now());
    return revision ?? 0;
  }

  async dismiss(hold: RegistryHold, answer: HoldAnswer): Promise<void> {
    const nowMs = Date.now();
    await this.#keeperOf(hold)?.dismiss(hold, answer, nowMs);
    this.look(nowMs);
  }

  /** Tells of holds that came, went or were answered since it last looked. */
  look(nowMs: number): void {
    const holds = this.list(nowMs);
    const text = JSON.stringify(
      holds.map(({ id, held, dismissed }) => [id, held.length, dismissed]),
    );
    if (text === this.#shown) return;
    this.#shown = text;
    this.#onChange(holds.filter(({ dismissed }) => dismissed === undefined));
  }

  #keeperOf({ id }: RegistryHold): HoldKeeper | undefined {
    const nowMs = Date.now();
    return this.#keepers.find((keeper) => keeper.list(nowMs).some((one) => one.id === id));
  }
}

export function serviceOfHold({ service }: Pick<RegistryHold, "service">): ServiceId {
  const slash = service.indexOf("/");
  return { namespace: service.slice(0, slash), name: service.slice(slash + 1) };
}

/** "1 endpoint", "3 endpoints" */
export function countEndpoints(count: number): string {
  return count === 1 ? "1 endpoint" : `${count} endpoints`;
}

function byUrgency(a: RegistryHold, b: RegistryHold): number {
  const asks = Number(a.dismissed !== undefined) - Number(b.dismissed !== undefined);
  return asks || a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1);
}
