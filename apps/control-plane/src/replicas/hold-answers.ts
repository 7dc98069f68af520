import {
  answerHolds,
  type ConfigDb,
  type StoredHoldAnswer,
  type StoredInstance,
} from "@heddle/store";
import type { ForeignRegistry } from "./foreign-registry.ts";
import { registryNotices } from "./notice.ts";
import type { Replicas } from "./replicas.ts";

/**
 * Has an answer hold for instances whose leases other control planes keep: it is written beside their holds, so
 * that it outlives whoever keeps them, and they are told to look. What is read here comes before the return.
 */
export async function shareHoldAnswer(
  parts: {
    readonly db: ConfigDb;
    readonly replicas: Pick<Replicas, "tell">;
    readonly foreign: Pick<ForeignRegistry, "read">;
  },
  instances: readonly StoredInstance[],
  answer: StoredHoldAnswer,
): Promise<void> {
  const ids = instances.map(({ instanceId }) => instanceId);
  await answerHolds(parts.db, ids, answer);
  const proxyIds = new Set(instances.flatMap(({ proxyId }) => (proxyId === "" ? [] : proxyId)));
  const lone = instances.filter(({ proxyId }) => proxyId === "");
  const changed = {
    proxyIds: [...proxyIds],
    instanceIds: lone.map(({ instanceId }) => instanceId),
  };
  for (const notice of registryNotices(changed)) parts.replicas.tell(notice);
  await parts.foreign.read(changed);
}
