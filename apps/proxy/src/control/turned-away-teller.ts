import type { ProxyMessage } from "@heddle/contracts/control-stream";
import type { TurnedAway } from "../core/turned-away.ts";

const INTERVAL_MS = 1_000;
const NOTHING_TOLD = 0;

/** Tells the control plane whom this proxy has turned away: once a second at most, and only what is new. */
export class TurnedAwayTeller {
  readonly #turnedAway: TurnedAway;
  readonly #send: (message: ProxyMessage) => boolean;
  #timer: NodeJS.Timeout | undefined;
  #toldCount = NOTHING_TOLD;

  constructor(turnedAway: TurnedAway, send: (message: ProxyMessage) => boolean) {
    this.#turnedAway = turnedAway;
    this.#send = send;
  }

  start(): void {
    this.#timer = setInterval(() => this.tell(), INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The control plane has nothing from before: a new stream. */
  forget(): void {
    this.#toldCount = NOTHING_TOLD;
  }

  tell(): void {
    const { count } = this.#turnedAway;
    if (count === this.#toldCount) return;
    const callers = this.#turnedAway.all;
    if (this.#send({ type: "turned-away", callers })) this.#toldCount = count;
  }
}
