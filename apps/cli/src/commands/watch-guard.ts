import { setTimeout as wait } from "node:timers/promises";
import { type MtlsGuard, MtlsGuardResponse } from "@heddle/contracts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError } from "../errors.ts";

const ASK_EVERY_MS = 500;
/** A control plane that starts again takes its guards up; so long nobody need answer. */
const PATIENCE_MS = 60_000;

/**
 * Waits for the end of a guard and returns it; `tell` hears each change of how it stands. Throws `ApiError`
 * when nobody has answered for a minute: the guard goes on without its watcher.
 */
export async function untilGuardEnds(
  api: ApiClient,
  begun: MtlsGuard,
  tell: (words: string) => void,
): Promise<MtlsGuard> {
  let guard = begun;
  let answeredAt = performance.now();
  while (guard.status === "running") {
    await wait(ASK_EVERY_MS);
    try {
      const { guard: now } = await api.ask(MtlsGuardResponse, `/mtls/guards/${guard.id}`);
      if (now.refused !== guard.refused || now.waitingFor.join() !== guard.waitingFor.join()) {
        tell(now.words);
      }
      guard = now;
      answeredAt = performance.now();
    } catch (error) {
      const isAway = error instanceof ApiError && (error.status === 0 || error.status >= 502);
      if (!isAway || performance.now() - answeredAt > PATIENCE_MS) throw error;
    }
  }
  return guard;
}
