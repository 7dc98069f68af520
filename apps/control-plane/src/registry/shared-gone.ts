import { GoneCause } from "@heddle/contracts";
import type { Logger } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  forgetGone,
  loadGone,
  type StoredGone,
} from "@heddle/store";
import type { SingletonTask } from "../replicas/singleton.ts";
import { type GoneNote, SHOWN_MS } from "./gone-instances.ts";
import type { Registry } from "./registry.ts";

const FORGET_EVERY_MS = 300_000;
/** A control plane that did not keep the lease may notice so much later, and does not know why. */
const NOTICED_LATE_MS = 20_000;

/**
 * Who has left within the last minutes, newest first: why is told by the control plane that kept the lease,
 * whichever is asked, and after a restart. While the database is away, as it was seen here.
 */
export async function readGone(
  { db, registry, logger }: { db: ConfigDb; registry: Registry; logger: Logger },
  nowMs: number,
): Promise<GoneNote[]> {
  const seen = new Map(registry.gone.all(nowMs).map((note) => [note.instance.instanceId, note]));
  const told = await loadGone(db, nowMs - SHOWN_MS).catch((error: unknown) => {
    if (!(error instanceof DatabaseUnavailableError)) throw error;
    logger.debug({ err: error }, "who is gone is told as seen here");
    return [];
  });
  for (const note of told.flatMap(toNote)) {
    const { instanceId } = note.instance;
    const here = seen.get(instanceId);
    const isOlder = here !== undefined && here.goneAtMs - note.goneAtMs > NOTICED_LATE_MS;
    if (!isOlder && !registry.findInstance(instanceId)) seen.set(instanceId, note);
  }
  return [...seen.values()].toSorted((a, b) => b.goneAtMs - a.goneAtMs);
}

/** Drops from the database who left too long ago to be shown. */
export function forgetGoneTask(db: ConfigDb): SingletonTask {
  return {
    name: "forget-gone",
    everyMs: FORGET_EVERY_MS,
    run: () => forgetGone(db, Date.now() - SHOWN_MS),
  };
}

/** None: its cause is one that only a later version knows. */
function toNote(stored: StoredGone): GoneNote[] {
  const cause = GoneCause.safeParse(stored.cause);
  return cause.success ? [{ ...stored, cause: cause.data }] : [];
}
