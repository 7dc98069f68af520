import type { PortProtocol } from "@heddle/mesh";
import { ask, type ConfigDb } from "./config-db.ts";

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
};

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
};

/** One further port of an instance. */
export type StoredPort = {
  readonly name: string | undefined;
  readonly appPort: number;
  readonly inboundPort: number;
  readonly protocol: PortProtocol;
};

/** Everything the registry held when the control plane last ran. */
export async function loadRegistry(
  db: ConfigDb,
): Promise<{ readonly proxies: StoredProxy[]; readonly instances: StoredInstance[] }> {
  return ask(db, async (prisma) => {
    const [proxies, instances] = await prisma.$transaction([
      prisma.proxy.findMany(),
      prisma.workloadInstance.findMany(),
    ]);
    return {
      proxies: proxies.map((row) => ({
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
      })),
      instances: instances.map((row) => ({
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
      })),
    };
  });
}

/** Writes instances and leases, takes ended ones out and notes which proxies were seen; one transaction. */
export async function saveRegistry(
  db: ConfigDb,
  batch: {
    readonly seen: readonly StoredProxy[];
    readonly saved: readonly StoredInstance[];
    readonly removedInstanceIds: readonly string[];
  },
): Promise<void> {
  const seen = batch.seen.map((proxy) => ({
    id: proxy.id,
    name: proxy.name,
    version: proxy.version,
    last_seen_at: new Date(proxy.lastSeenAtMs).toISOString(),
    own_key_hash: proxy.ownKeyHash ?? null,
    trusted_roots: proxy.trustedRoots ?? [],
    left_at: toTimestamp(proxy.leftAtMs),
  }));
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.$executeRaw`
        UPDATE proxy SET name = row.name, version = row.version, last_seen_at = row.last_seen_at,
          own_key_hash = coalesce(row.own_key_hash, proxy.own_key_hash),
          trusted_roots = row.trusted_roots, left_at = row.left_at
        FROM jsonb_to_recordset(${JSON.stringify(seen)}::jsonb)
          AS row(id text, name text, version text, last_seen_at timestamptz, own_key_hash text,
            trusted_roots text[], left_at timestamptz)
        WHERE proxy.id = row.id`,
      prisma.$executeRaw`
        INSERT INTO workload_instance (instance_id, proxy_id, namespace, workload, service, version,
          labels, address, inbound_port, app_port, protocol, more_ports, locality, serves_since,
          is_draining, lease_ends_at, certificate_not_after, draining_since, source, weight, health,
          hold)
        SELECT row.* FROM jsonb_to_recordset(${JSON.stringify(batch.saved.map(toInstanceRow))}::jsonb)
          AS row(instance_id text, proxy_id text, namespace text, workload text, service text,
            version text, labels jsonb, address text, inbound_port int, app_port int, protocol text,
            more_ports jsonb, locality text, serves_since timestamptz, is_draining boolean,
            lease_ends_at timestamptz, certificate_not_after timestamptz,
            draining_since timestamptz, source text, weight int, health jsonb, hold jsonb)
        WHERE row.proxy_id IS NULL OR EXISTS (SELECT FROM proxy WHERE proxy.id = row.proxy_id)
        ON CONFLICT (instance_id) DO UPDATE SET
          namespace = excluded.namespace, workload = excluded.workload, service = excluded.service,
          version = excluded.version, labels = excluded.labels, address = excluded.address,
          inbound_port = excluded.inbound_port, app_port = excluded.app_port,
          protocol = excluded.protocol, more_ports = excluded.more_ports,
          locality = excluded.locality, serves_since = excluded.serves_since,
          is_draining = excluded.is_draining, lease_ends_at = excluded.lease_ends_at,
          certificate_not_after = excluded.certificate_not_after,
          draining_since = excluded.draining_since, source = excluded.source,
          weight = excluded.weight, health = excluded.health, hold = excluded.hold`,
      prisma.workloadInstance.deleteMany({
        where: { instanceId: { in: [...batch.removedInstanceIds] } },
      }),
    ]),
  );
}

/** Forgets proxies not seen since `beforeMs`; their certificates have long ended. */
export async function forgetProxies(db: ConfigDb, beforeMs: number): Promise<void> {
  await ask(db, (prisma) =>
    prisma.proxy.deleteMany({ where: { lastSeenAt: { lt: new Date(beforeMs) } } }),
  );
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
  };
}

function toTimestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
