import type { IdentityAlarm } from "@heddle/contracts";
import { type Logger, toHeddleError } from "@heddle/runtime";

const LOOK_EVERY_MS = 60_000;
const SAY_AGAIN_MS = 86_400_000;

/** Says each alarm in the log when it comes, and once a day while it lasts. */
export class AlarmLog {
  readonly #find: () => Promise<readonly IdentityAlarm[]>;
  readonly #logger: Logger;
  readonly #saidAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(find: () => Promise<readonly IdentityAlarm[]>, logger: Logger) {
    this.#find = find;
    this.#logger = logger;
  }

  start(): void {
    const look = () => {
      this.#look().catch((error: unknown) => {
        this.#logger.debug({ err: toHeddleError(error) }, "alarms not looked at");
      });
    };
    look();
    this.#timer = setInterval(look, LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const alarms = await this.#find();
    const nowMs = Date.now();
    const keys = new Set(alarms.map(keyOf));
    for (const key of this.#saidAtMs.keys()) if (!keys.has(key)) this.#saidAtMs.delete(key);
    for (const alarm of alarms) {
      const key = keyOf(alarm);
      if (nowMs - (this.#saidAtMs.get(key) ?? 0) < SAY_AGAIN_MS) continue;
      this.#saidAtMs.set(key, nowMs);
      const fields = { alarm: alarm.code, advice: alarm.advice };
      if (alarm.severity === "critical") this.#logger.error(fields, alarm.message);
      else this.#logger.warn(fields, alarm.message);
    }
  }
}

function keyOf({ code, severity, atMs }: IdentityAlarm): string {
  return `${code} ${severity} ${atMs ?? ""}`;
}
