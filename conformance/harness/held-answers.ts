/** Answers that apps of this process hold back, by the key that `hold=KEY` in `x-do` names. */
const held = new Map<string, HeldAnswers>();
let keys = 0;

/** Hands an answer over to whom its key belongs; `finish` at once where nobody holds that key any more. */
export function holdAnswer(key: string, finish: () => void): void {
  const holder = held.get(key);
  if (holder === undefined) finish();
  else holder.take(finish);
}

/** Requests that asked for it wait at their app until they are let go, so that no test needs to be quick. */
export class HeldAnswers {
  readonly #key: string;
  readonly #waiting: (() => void)[] = [];
  #onNext: (() => void)[] = [];

  constructor() {
    keys += 1;
    this.#key = `k${keys}`;
    held.set(this.#key, this);
  }

  /** For `do` of a call. */
  get do(): string {
    return `hold=${this.#key}`;
  }

  /** How many requests are with their apps and wait. */
  get count(): number {
    return this.#waiting.length;
  }

  /** The next request has come to its app. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#onNext.push(resolve));
  }

  take(finish: () => void): void {
    this.#waiting.push(finish);
    const onNext = this.#onNext;
    this.#onNext = [];
    for (const resolve of onNext) resolve();
  }

  /** Answers those that wait; those that come later wait again. */
  letGo(): void {
    for (const finish of this.#waiting.splice(0)) finish();
  }

  /** Answers those that wait, and from now on all others at once. */
  open(): void {
    held.delete(this.#key);
    this.letGo();
  }
}
