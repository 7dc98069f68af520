import type { Logger } from "@heddle/runtime";
import { type ConfigDb, DatabaseUnavailableError, noteGone, saveRegistry } from "@heddle/store";
import { registryNotices } from "../replicas/notice.ts";
import type { Replicas } from "../replicas/replicas.ts";
import type { Registry } from "./registry.ts";

const FLUSH_EVERY_MS = 1000;
/** What comes within so long is written together; other control planes hear of it at once after that. */
const FOLD_MS = 10;

/**
 * Copies the registry's changes to the database in batches, at once when other control planes have to hear of
 * them; what fails is kept and written later.
 */
export function startRegistryWriter(
  registry: Registry,
  db: ConfigDb,
  replicas: Pick<Replicas, "id" | "others" | "tell">,
  logger: Logger,
) {
  let isAway = false;
  let isClosed = false;
  let flushing: Promise<void> = Promise.resolve();
  let soon: NodeJS.Timeout | undefined;
  const flush = async () => {
    const unsaved = registry.takeUnsaved();
    const { instanceIds, removedInstanceIds, proxyIds, news } = unsaved;
    if (instanceIds.size + removedInstanceIds.size + proxyIds.size === 0) return;
    try {
      await saveRegistry(db, {
        seen: [...proxyIds].flatMap((id) => registry.findProxy(id) ?? []),
        saved: [...instanceIds].flatMap((id) => registry.findInstance(id) ?? []),
        removedInstanceIds: [...removedInstanceIds],
        replicaId: replicas.id,
      });
      const gone = [...removedInstanceIds].flatMap((id) => registry.gone.find(id) ?? []);
      if (gone.length > 0) await noteGone(db, gone);
      for (const notice of registryNotices(news)) replicas.tell(notice);
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
  const flushNext = () => {
    flushing = flushing.then(flush);
    return flushing;
  };
  const timer = setInterval(() => void flushNext(), FLUSH_EVERY_MS);
  registry.onNews = () => {
    // Alone, or with the database away, the next regular turn is soon enough.
    if (soon !== undefined || isClosed || isAway || replicas.others.length === 0) return;
    soon = setTimeout(() => {
      soon = undefined;
      void flushNext();
    }, FOLD_MS);
  };
  return {
    /** Writes what is left and stops. */
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(soon);
      await flushNext();
    },
  };
}
