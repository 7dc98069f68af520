import { ask, type ConfigDb } from "./config-db.ts";
import { REPLICA_CHANNEL } from "./replica-link.ts";

/** One control plane among several over one database, as it last described itself. */
export type StoredReplica = {
  readonly id: string;
  /** Of its host. */
  readonly name: string;
  readonly version: string;
  /** `host:port` by which proxies reach it. */
  readonly controlAddress: string;
  /** Of its API, for other control planes; empty: none that is known. */
  readonly apiUrl: string;
  readonly startedAtMs: number;
  readonly seenAtMs: number;
  /** It has said so within the last 5 s, by the database's clock. */
  readonly isAlive: boolean;
  readonly proxiesConnected: number;
  /** The newest revision it has taken over. */
  readonly revision: number;
  /** The tasks only one control plane carries out at a time that are its own now. */
  readonly duties: readonly string[];
  /** Another one whenever what its proxies use is. */
  readonly usesVersion: number;
};

/** What a look around tells a control plane. */
export type ReplicaRound = {
  readonly replicas: readonly StoredReplica[];
  /** The newest revision there is; 0: none yet. */
  readonly newestRevision: number;
  /** Of the database, when it answered. */
  readonly databaseNowMs: number;
};

/** A control plane that has said nothing for so long is taken for dead. */
export const ALIVE_MS = 5_000;
const FORGOTTEN_MS = 3_600_000;

type Beat = Pick<
  StoredReplica,
  | "id"
  | "name"
  | "version"
  | "controlAddress"
  | "apiUrl"
  | "startedAtMs"
  | "proxiesConnected"
  | "revision"
> & { readonly duties: readonly string[] };

/** Says that this control plane lives, and asks who else does. */
export async function beat(db: ConfigDb, me: Beat): Promise<ReplicaRound> {
  return ask(db, async (prisma) => {
    const [, rows, [mesh]] = await prisma.$transaction([
      prisma.$executeRaw`
        INSERT INTO control_plane_replica
          (id, name, version, control_address, api_url, started_at, seen_at, proxies_connected, revision, duties)
        VALUES (${me.id}, ${me.name}, ${me.version}, ${me.controlAddress}, ${me.apiUrl},
          ${new Date(me.startedAtMs)}::timestamptz, clock_timestamp(), ${me.proxiesConnected},
          ${me.revision}, ${[...me.duties]}::text[])
        ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(),
          control_address = excluded.control_address, api_url = excluded.api_url, revision = excluded.revision,
          proxies_connected = excluded.proxies_connected, duties = excluded.duties`,
      prisma.$queryRaw<ReplicaRow[]>`
        SELECT *, seen_at > clock_timestamp() - ${ALIVE_MS} * interval '1 ms' AS is_alive
        FROM control_plane_replica ORDER BY started_at, id`,
      prisma.$queryRaw<{ newest: number; now: Date }[]>`
        SELECT coalesce(max(id), 0)::int AS newest, clock_timestamp() AS now FROM revision`,
    ]);
    return {
      replicas: rows.map(toReplica),
      newestRevision: mesh?.newest ?? 0,
      databaseNowMs: mesh?.now.getTime() ?? Date.now(),
    };
  });
}

/** The clock that is the same for all control planes, epoch ms. */
export async function readDatabaseClock(db: ConfigDb): Promise<number> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ now: Date }[]>`SELECT clock_timestamp() AS now`,
  );
  return rows[0]?.now.getTime() ?? Date.now();
}

/** Forgets control planes that have not been heard of for an hour. */
export async function forgetReplicas(db: ConfigDb): Promise<void> {
  await ask(
    db,
    (prisma) => prisma.$executeRaw`
      DELETE FROM control_plane_replica
      WHERE seen_at < clock_timestamp() - ${FORGOTTEN_MS} * interval '1 ms'`,
  );
}

/** This control plane stops on purpose: nobody need wait to see whether it comes back. */
export async function removeReplica(db: ConfigDb, id: string): Promise<void> {
  await ask(db, (prisma) => prisma.$executeRaw`DELETE FROM control_plane_replica WHERE id = ${id}`);
}

/** Tells every control plane that listens; at most 8000 bytes. What nobody hears is lost. */
export async function notifyReplicas(db: ConfigDb, payload: string): Promise<void> {
  await ask(db, (prisma) => prisma.$executeRaw`SELECT pg_notify(${REPLICA_CHANNEL}, ${payload})`);
}

type ReplicaRow = {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly control_address: string;
  readonly api_url: string;
  readonly started_at: Date;
  readonly seen_at: Date;
  readonly is_alive: boolean;
  readonly proxies_connected: number;
  readonly revision: number;
  readonly duties: string[];
  readonly uses_version: number;
};

function toReplica(row: ReplicaRow): StoredReplica {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    controlAddress: row.control_address,
    apiUrl: row.api_url,
    startedAtMs: row.started_at.getTime(),
    seenAtMs: row.seen_at.getTime(),
    isAlive: row.is_alive,
    proxiesConnected: row.proxies_connected,
    revision: row.revision,
    duties: row.duties,
    usesVersion: row.uses_version,
  };
}

/** What the proxies of a control plane that has said `beat` use; `version`: another one than before. */
export async function saveServiceUse(
  db: ConfigDb,
  replicaId: string,
  { services, version }: { readonly services: readonly string[]; readonly version: number },
): Promise<void> {
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.$executeRaw`
        INSERT INTO service_use (replica_id, services)
        SELECT id, ${[...services]}::text[] FROM control_plane_replica WHERE id = ${replicaId}
        ON CONFLICT (replica_id) DO UPDATE SET services = excluded.services`,
      prisma.$executeRaw`
        UPDATE control_plane_replica SET uses_version = ${version} WHERE id = ${replicaId}`,
    ]),
  );
}

/** What the proxies of these control planes use, by control plane. */
export async function loadServiceUses(
  db: ConfigDb,
  replicaIds: readonly string[],
): Promise<Map<string, readonly string[]>> {
  const rows = await ask(db, (prisma) =>
    prisma.serviceUse.findMany({ where: { replicaId: { in: [...replicaIds] } } }),
  );
  return new Map(rows.map(({ replicaId, services }) => [replicaId, services]));
}
