import { ask, type ConfigDb } from "./config-db.ts";
import type { StoredInstance } from "./registry.ts";

/** An instance that has left, as the control plane that kept its lease found. */
export type StoredGone = {
  readonly instance: StoredInstance;
  /** Of its proxy; `undefined`: it had none. */
  readonly proxyName: string | undefined;
  /** `goodbye`, `lease-ended`, … */
  readonly cause: string;
  readonly goneAtMs: number;
};

const MOST = 1_000;

/** Adds them to those that have left; of an instance the last time holds. */
export async function noteGone(db: ConfigDb, gone: readonly StoredGone[]): Promise<void> {
  const rows = JSON.stringify(
    gone.map(({ instance, proxyName, cause, goneAtMs }) => ({
      instance_id: instance.instanceId,
      instance,
      proxy_name: proxyName ?? null,
      cause,
      gone_at: new Date(goneAtMs).toISOString(),
    })),
  );
  await ask(
    db,
    (prisma) => prisma.$executeRaw`
      INSERT INTO gone_instance (instance_id, instance, proxy_name, cause, gone_at)
      SELECT * FROM jsonb_to_recordset(${rows}::jsonb)
        AS row(instance_id text, instance jsonb, proxy_name text, cause text, gone_at timestamptz)
      ON CONFLICT (instance_id) DO UPDATE SET instance = excluded.instance,
        proxy_name = excluded.proxy_name, cause = excluded.cause, gone_at = excluded.gone_at
      WHERE gone_instance.gone_at < excluded.gone_at`,
  );
}

/** Who has left since then, newest first, at most 1000; also those that have come back. */
export async function loadGone(db: ConfigDb, sinceMs: number): Promise<StoredGone[]> {
  const rows = await ask(db, (prisma) =>
    prisma.goneInstance.findMany({
      where: { goneAt: { gt: new Date(sinceMs) } },
      orderBy: { goneAt: "desc" },
      take: MOST,
    }),
  );
  return rows.map(({ instance, proxyName, cause, goneAt }) => ({
    instance: instance as unknown as StoredInstance, // only this module writes them
    proxyName: proxyName ?? undefined,
    cause,
    goneAtMs: goneAt.getTime(),
  }));
}

/** Forgets who left before. */
export async function forgetGone(db: ConfigDb, beforeMs: number): Promise<void> {
  await ask(db, (prisma) =>
    prisma.goneInstance.deleteMany({ where: { goneAt: { lte: new Date(beforeMs) } } }),
  );
}
