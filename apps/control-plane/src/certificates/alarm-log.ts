import type { IdentityAlarm } from "@heddle/contracts";
import type { Logger } from "@heddle/runtime";

const SAY_AGAIN_MS = 86_400_000;

/** Says each alarm in the log when it comes, and once a day while it lasts. */
export class AlarmLog {
  readonly #find: () => Promise<readonly IdentityAlarm[]>;
  readonly #logger: Logger;
  readonly #saidAtMs = new Map<string, number>();

  constructor(find: () => Promise<readonly IdentityAlarm[]>, logger: Logger) {
    this.#find = find;
    this.#logger = logger;
  }

  async look(): Promise<void> {
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
