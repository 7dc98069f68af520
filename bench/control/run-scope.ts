import type { Scope } from "@heddle/testkit";

/** What a part of the run has started; ended in the opposite order. */
export class RunScope implements Scope {
  readonly #cleanups: (() => void | Promise<void>)[] = [];

  after(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}
