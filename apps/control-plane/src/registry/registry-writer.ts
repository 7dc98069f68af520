import type { Logger } from "@heddle/runtime";
import { type ConfigDb, DatabaseUnavailableError, saveRegistry } from "@heddle/store";
import type { Registry } from "./registry.ts";

const FLUSH_EVERY_MS = 1000;

/** Copies the registry's changes to the database in batches; what fails is kept and written later. */
export function startRegistryWriter(registry: Registry, db: ConfigDb, logger: Logger) {
  let isAway = false;
  let flushing: Promise<void> = Promise.resolve();
  const flush = async () => {
    const unsaved = registry.takeUnsaved();
    const { instanceIds, removedInstanceIds, proxyIds } = unsaved;
    if (instanceIds.size + removedInstanceIds.size + proxyIds.size === 0) return;
    try {
      await saveRegistry(db, {
        seen: [...proxyIds].flatMap((id) => registry.findProxy(id) ?? []),
        saved: [...instanceIds].flatMap((id) => registry.findInstance(id) ?? []),
        removedInstanceIds: [...removedInstanceIds],
      });
      if (isAway) logger.info("the database is back; registry written");
      isAway = false;
    } catch (error) {
      registry.putBackUnsaved(unsaved);
      if (!isAway || !(error instanceof DatabaseUnavailableError)) {
        logger.warn({ err: error }, "registry not written; trying again");
      }
      isAway = true;
    }
  };
  const timer = setInterval(() => {
    flushing = flushing.then(flush);
  }, FLUSH_EVERY_MS);
  return {
    /** Writes what is left and stops. */
    close: async () => {
      clearInterval(timer);
      flushing = flushing.then(flush);
      await flushing;
    },
  };
}
