import type { PortProtocol } from "@heddle/mesh";
import type { ProxyModel, WorkloadInstanceModel } from "../generated/models.ts";
import { ask, type ConfigDb } from "./config-db.ts";
import { ALIVE_MS } from "./replicas.ts";

/** A proxy that has joined; it may host `workload` (undefined: any) of `namespace`. */
export type StoredProxy = {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly namespace: string;
  readonly workload: string | undefined;
  readonly lastSeenAtMs: number;
  /** SHA-256 of the public key of its last own certificate; `undefined`: not noted yet. */
  readonly ownKeyHash?: string | undefined;
  /** SHA-256 of the roots it has said it believes, base64url. */
  readonly trustedRoots?: readonly string[];
  /** It said goodbye; `undefined`: it did not, or has come back. */
  readonly leftAtMs?: number | undefined;
  /** It was put out, and may not come back under this id. */
  readonly revokedAtMs?: number | undefined;
  /** The control plane that has its stream, or had it last; `undefined`: none yet. */
  readonly replicaId?: string | undefined;
  /** When it got the stream, by the database's clock: the later claim holds. */
  readonly claimedAtMs?: number | undefined;
  /** Its stream is open there. */
  readonly isConnected?: boolean;
  /** What that control plane tells the others of it, as it wrote it. */
  readonly report?: unknown;
};

/** What the active check of an instance's app says; `unknown`: not checked yet. */
export type StoredHealth = {
  readonly status: "healthy" | "unhealthy" | "unknown";
  readonly check: "http" | "grpc" | "tcp" | "command" | "api";
  readonly reason?: string | undefined;
  readonly sinceMs: number;
};

/** The lease has ended, and the instance stays in use until it comes back or somebody lets it go. */
export type StoredHold = {
  /** All instances that one hold is about share it. */
  readonly id: string;
  readonly sinceMs: number;
  /** Endpoints its service had before. */
  readonly endpointsBefore: number;
  readonly dismissedBy?: string | undefined;
  readonly dismissedAtMs?: number | undefined;
  /** Somebody lets it go: whoever keeps its lease takes it out. */
  readonly confirmedBy?: string | undefined;
};

/** What somebody has said to a hold. */
export type StoredHoldAnswer =
  | { readonly dismissedBy: string; readonly dismissedAtMs: number }
  | { readonly confirmedBy: string };

/** One instance of a workload; gone when its lease has ended, unless it is held. */
export type StoredInstance = {
  readonly instanceId: string;
  /** Empty: it has no proxy, and `source` says who registered it. */
  readonly proxyId: string;
  readonly namespace: string;
  readonly workload: string;
  readonly service: string;
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly inboundPort: number;
  readonly appPort: number | undefined;
  /** Of `appPort`. */
  readonly protocol: PortProtocol;
  /** Further app ports, each with an inbound port of its own. */
  readonly morePorts: readonly StoredPort[];
  /** `region/zone/subzone`. */
  readonly locality: string | undefined;
  /** When it came into the registry; `undefined`: long ago. */
  readonly servesSinceMs: number | undefined;
  /** It is about to end: no new requests for it, though its lease lives. */
  readonly isDraining: boolean;
  readonly drainingSinceMs?: number | undefined;
  readonly leaseEndsAtMs: number;
  readonly certificateNotAfterMs: number | undefined;
  /** `api` or `dns …`; `undefined`: its proxy has registered it. */
  readonly source?: string | undefined;
  readonly weight?: number | undefined;
  /** `undefined`: nobody checks it. */
  readonly health?: StoredHealth | undefined;
  readonly hold?: StoredHold | undefined;
  /** The control plane that keeps its lease, or was the last to; `undefined`: none that is known. */
  readonly replicaId?: string | undefined;
  /** App ports at which its proxy, as it has said, ends no TLS; `undefined`: it has not said so yet. */
  readonly plaintextPorts?: readonly number[] | undefined;
};

/** One further port of an instance. */
export type StoredPort = {
  readonly name: string | undefined;
  readonly appPort: number;
  readonly inboundPort: number;
  readonly protocol: PortProtocol;
};

/** Proxies, and the instances of them or without one. */
export type StoredRegistry = {
  readonly proxies: readonly StoredProxy[];
  readonly instances: readonly StoredInstance[];
};

/** Everything the registry held when a control plane last wrote it. */
export async function loadRegistry(db: ConfigDb): Promise<StoredRegistry> {
  return ask(db, async (prisma) => {
    const [proxies, instances] = await prisma.$transaction([
      prisma.proxy.findMany(),
      prisma.workloadInstance.findMany(),
    ]);
    return { proxies: proxies.map(toProxy), instances: instances.map(toInstance) };
  });
}

/** What the database says of these proxies with their instances, and of these instances without proxy. */
export async function loadRegistryOf(
  db: ConfigDb,
  { proxyIds, instanceIds }: { proxyIds: readonly string[]; instanceIds: readonly string[] },
): Promise<StoredRegistry> {
  return ask(db, async (prisma) => {
    const [proxies, instances] = await prisma.$transaction(
      [
        prisma.proxy.findMany({ where: { id: { in: [...proxyIds] } } }),
        prisma.workloadInstance.findMany({
          where: {
            OR: [
              { proxyId: { in: [...proxyIds] } },
              { instanceId: { in: [...instanceIds] }, proxyId: null },
            ],
          },
        }),
      ],
      { isolationLevel: "RepeatableRead" },
    );
    return { proxies: proxies.map(toProxy), instances: instances.map(toInstance) };
  });
}

function toProxy(row: ProxyModel): StoredProxy {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    namespace: row.namespace,
    workload: row.workload ?? undefined,
    lastSeenAtMs: row.lastSeenAt.getTime(),
    ownKeyHash: row.ownKeyHash ?? undefined,
    trustedRoots: row.trustedRoots,
    leftAtMs: row.leftAt?.getTime(),
    revokedAtMs: row.revokedAt?.getTime(),
    replicaId: row.replicaId ?? undefined,
    claimedAtMs: row.claimedAt?.getTime(),
    isConnected: row.isConnected,
    report: row.report ?? undefined,
  };
}

/**
 * What a control plane tells the others of proxies whose streams it has; of others' nothing is written. Returns
 * the ids of those that were.
 */
export async function saveReports(
  db: ConfigDb,
  replicaId: string,
  reports: readonly { readonly proxyId: string; readonly text: string }[],
): Promise<string[]> {
  const rows = JSON.stringify(reports.map(({ proxyId, text }) => ({ id: proxyId, report: text })));
  const written = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ id: string }[]>`
      UPDATE proxy SET report = row.report::jsonb
      FROM jsonb_to_recordset(${rows}::jsonb) AS row(id text, report text)
      WHERE proxy.id = row.id AND proxy.replica_id = ${replicaId} RETURNING proxy.id`,
  );
  return written.map(({ id }) => id);
}

function toInstance(row: WorkloadInstanceModel): StoredInstance {
  return {
    instanceId: row.instanceId,
    proxyId: row.proxyId ?? "",
    namespace: row.namespace,
    workload: row.workload,
    service: row.service,
    version: row.version ?? undefined,
    labels: row.labels as Record<string, string>,
    address: row.address,
    inboundPort: row.inboundPort,
    appPort: row.appPort ?? undefined,
    protocol: row.protocol as PortProtocol, // only this module writes them
    morePorts: row.morePorts as StoredPort[],
    locality: row.locality ?? undefined,
    servesSinceMs: row.servesSince?.getTime(),
    isDraining: row.isDraining,
    leaseEndsAtMs: row.leaseEndsAt.getTime(),
    certificateNotAfterMs: row.certificateNotAfter?.getTime(),
    drainingSinceMs: row.drainingSince?.getTime(),
    source: row.source ?? undefined,
    weight: row.weight ?? undefined,
    health: (row.health ?? undefined) as StoredHealth | undefined,
    hold: (row.hold ?? undefined) as StoredHold | undefined,
    replicaId: row.replicaId ?? undefined,
    ...(row.plaintextPorts.length === 0 ? {} : { plaintextPorts: row.plaintextPorts }),
  };
}

/**
 * Writes instances and leases, takes ended ones out and notes which proxies were seen; one transaction. Of what
 * another living control plane has claimed since, nothing is written: it knows better. An answer to a hold that
 * came meanwhile stays beside it.
 */
export async function saveRegistry(
  db: ConfigDb,
  batch: {
    readonly seen: readonly StoredProxy[];
    readonly saved: readonly StoredInstance[];
    readonly removedInstanceIds: readonly string[];
    /** The control plane that writes. */
    readonly replicaId: string;
  },
): Promise<void> {
  const me = batch.replicaId;
  const seen = JSON.stringify(batch.seen.map((proxy) => toProxyRow(proxy, me)));
  const saved = JSON.stringify(batch.saved.map(toInstanceRow));
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.$executeRaw`
        UPDATE proxy SET name = row.name, version = row.version, last_seen_at = row.last_seen_at,
          own_key_hash = coalesce(row.own_key_hash, proxy.own_key_hash),
          trusted_roots = row.trusted_roots, left_at = row.left_at,
          replica_id = coalesce(row.replica_id, proxy.replica_id),
          claimed_at = coalesce(row.claimed_at, proxy.claimed_at), is_connected = row.is_connected
        FROM jsonb_to_recordset(${seen}::jsonb)
          AS row(id text, name text, version text, last_seen_at timestamptz, own_key_hash text,
            trusted_roots text[], left_at timestamptz, replica_id text, claimed_at timestamptz,
            is_connected boolean)
        WHERE proxy.id = row.id AND (proxy.claimed_at IS NULL OR proxy.claimed_at <= row.claimed_at)`,
      prisma.$executeRaw`
        INSERT INTO workload_instance (instance_id, proxy_id, namespace, workload, service, version,
          labels, address, inbound_port, app_port, protocol, more_ports, locality, serves_since,
          is_draining, lease_ends_at, certificate_not_after, draining_since, source, weight, health,
          hold, plaintext_ports, replica_id)
        SELECT row.*, ${me} FROM jsonb_to_recordset(${saved}::jsonb)
          AS row(instance_id text, proxy_id text, namespace text, workload text, service text,
            version text, labels jsonb, address text, inbound_port int, app_port int, protocol text,
            more_ports jsonb, locality text, serves_since timestamptz, is_draining boolean,
            lease_ends_at timestamptz, certificate_not_after timestamptz,
            draining_since timestamptz, source text, weight int, health jsonb, hold jsonb,
            plaintext_ports int[])
        WHERE row.proxy_id IS NULL OR EXISTS (
          SELECT FROM proxy WHERE proxy.id = row.proxy_id AND NOT EXISTS (
            SELECT FROM control_plane_replica AS other
            WHERE other.id = proxy.replica_id AND other.id <> ${me}
              AND other.seen_at > clock_timestamp() - ${ALIVE_MS} * interval '1 ms'))
        ON CONFLICT (instance_id) DO UPDATE SET
          namespace = excluded.namespace, workload = excluded.workload, service = excluded.service,
          version = excluded.version, labels = excluded.labels, address = excluded.address,
          inbound_port = excluded.inbound_port, app_port = excluded.app_port,
          protocol = excluded.protocol, more_ports = excluded.more_ports,
          locality = excluded.locality, serves_since = excluded.serves_since,
          is_draining = excluded.is_draining, lease_ends_at = excluded.lease_ends_at,
          certificate_not_after = excluded.certificate_not_after,
          draining_since = excluded.draining_since, source = excluded.source,
          weight = excluded.weight, health = excluded.health,
          hold = CASE WHEN excluded.hold->>'id' = workload_instance.hold->>'id'
            THEN workload_instance.hold || excluded.hold ELSE excluded.hold END,
          plaintext_ports = excluded.plaintext_ports, replica_id = excluded.replica_id`,
      prisma.$executeRaw`
        DELETE FROM workload_instance WHERE instance_id = ANY(${[...batch.removedInstanceIds]})
          AND NOT EXISTS (
            SELECT FROM control_plane_replica AS other
            LEFT JOIN proxy ON proxy.id = workload_instance.proxy_id
            WHERE other.id = coalesce(proxy.replica_id, workload_instance.replica_id)
              AND other.id <> ${me} AND workload_instance.proxy_id IS NOT NULL
              AND other.seen_at > clock_timestamp() - ${ALIVE_MS} * interval '1 ms')`,
    ]),
  );
}

/**
 * Writes an answer beside the holds of these instances, for whichever control planes keep their leases. One that
 * has been heard of meanwhile is held no more, and left alone.
 */
export async function answerHolds(
  db: ConfigDb,
  instanceIds: readonly string[],
  answer: StoredHoldAnswer,
): Promise<void> {
  await ask(
    db,
    (prisma) => prisma.$executeRaw`
      UPDATE workload_instance SET hold = hold || ${JSON.stringify(answer)}::jsonb
      WHERE instance_id = ANY(${[...instanceIds]}) AND hold IS NOT NULL`,
  );
}

/** Forgets proxies not seen since `beforeMs`; their certificates have long ended. */
export async function forgetProxies(db: ConfigDb, beforeMs: number): Promise<void> {
  await ask(db, (prisma) =>
    prisma.proxy.deleteMany({ where: { lastSeenAt: { lt: new Date(beforeMs) } } }),
  );
}

/** Claimed by the writer, or (of another's proxy) only told what is not in dispute. */
function toProxyRow(proxy: StoredProxy, replicaId: string) {
  const isOwn = proxy.replicaId === replicaId;
  return {
    id: proxy.id,
    name: proxy.name,
    version: proxy.version,
    last_seen_at: new Date(proxy.lastSeenAtMs).toISOString(),
    own_key_hash: proxy.ownKeyHash ?? null,
    trusted_roots: proxy.trustedRoots ?? [],
    left_at: toTimestamp(proxy.leftAtMs),
    replica_id: isOwn ? replicaId : null,
    claimed_at: isOwn ? toTimestamp(proxy.claimedAtMs) : null,
    is_connected: proxy.isConnected ?? false,
  };
}

function toInstanceRow(instance: StoredInstance) {
  return {
    instance_id: instance.instanceId,
    proxy_id: instance.proxyId === "" ? null : instance.proxyId,
    namespace: instance.namespace,
    workload: instance.workload,
    service: instance.service,
    version: instance.version ?? null,
    labels: instance.labels,
    address: instance.address,
    inbound_port: instance.inboundPort,
    app_port: instance.appPort ?? null,
    protocol: instance.protocol,
    more_ports: instance.morePorts,
    locality: instance.locality ?? null,
    serves_since: toTimestamp(instance.servesSinceMs),
    is_draining: instance.isDraining,
    lease_ends_at: new Date(instance.leaseEndsAtMs).toISOString(),
    certificate_not_after: toTimestamp(instance.certificateNotAfterMs),
    draining_since: toTimestamp(instance.drainingSinceMs),
    source: instance.source ?? null,
    weight: instance.weight ?? null,
    health: instance.health ?? null,
    hold: instance.hold ?? null,
    plaintext_ports: instance.plaintextPorts ?? [],
  };
}

function toTimestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
