import { ask, type ConfigDb } from "./config-db.ts";

/** A proxy that has joined; it may host `workload` (undefined: any) of `namespace`. */
export type StoredProxy = {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly namespace: string;
  readonly workload: string | undefined;
  readonly lastSeenAtMs: number;
};

/** One instance of a workload; gone when its lease has ended. */
export type StoredInstance = {
  readonly instanceId: string;
  readonly proxyId: string;
  readonly namespace: string;
  readonly workload: string;
  readonly service: string;
  readonly version: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly inboundPort: number;
  readonly appPort: number | undefined;
  readonly protocol: string;
  readonly leaseEndsAtMs: number;
  readonly certificateNotAfterMs: number | undefined;
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
      })),
      instances: instances.map((row) => ({
        instanceId: row.instanceId,
        proxyId: row.proxyId,
        namespace: row.namespace,
        workload: row.workload,
        service: row.service,
        version: row.version ?? undefined,
        labels: row.labels as Record<string, string>,
        address: row.address,
        inboundPort: row.inboundPort,
        appPort: row.appPort ?? undefined,
        protocol: row.protocol,
        leaseEndsAtMs: row.leaseEndsAt.getTime(),
        certificateNotAfterMs: row.certificateNotAfter?.getTime(),
      })),
    };
  });
}

/** Writes instances and leases, takes ended ones out and notes which proxies were seen; one transaction. */
export async function saveRegistry(
  db: ConfigDb,
  batch: {
    readonly seen: readonly { id: string; name: string; version: string; lastSeenAtMs: number }[];
    readonly saved: readonly StoredInstance[];
    readonly removedInstanceIds: readonly string[];
  },
): Promise<void> {
  const seen = batch.seen.map((proxy) => ({
    ...proxy,
    last_seen_at: new Date(proxy.lastSeenAtMs).toISOString(),
  }));
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.$executeRaw`
        UPDATE proxy SET name = row.name, version = row.version, last_seen_at = row.last_seen_at
        FROM jsonb_to_recordset(${JSON.stringify(seen)}::jsonb)
          AS row(id text, name text, version text, last_seen_at timestamptz)
        WHERE proxy.id = row.id`,
      prisma.$executeRaw`
        INSERT INTO workload_instance (instance_id, proxy_id, namespace, workload, service, version,
          labels, address, inbound_port, app_port, protocol, lease_ends_at, certificate_not_after)
        SELECT row.* FROM jsonb_to_recordset(${JSON.stringify(batch.saved.map(toInstanceRow))}::jsonb)
          AS row(instance_id text, proxy_id text, namespace text, workload text, service text,
            version text, labels jsonb, address text, inbound_port int, app_port int, protocol text,
            lease_ends_at timestamptz, certificate_not_after timestamptz)
        JOIN proxy ON proxy.id = row.proxy_id
        ON CONFLICT (instance_id) DO UPDATE SET
          namespace = excluded.namespace, workload = excluded.workload, service = excluded.service,
          version = excluded.version, labels = excluded.labels, address = excluded.address,
          inbound_port = excluded.inbound_port, app_port = excluded.app_port,
          protocol = excluded.protocol, lease_ends_at = excluded.lease_ends_at,
          certificate_not_after = excluded.certificate_not_after`,
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
  const notAfterMs = instance.certificateNotAfterMs;
  return {
    instance_id: instance.instanceId,
    proxy_id: instance.proxyId,
    namespace: instance.namespace,
    workload: instance.workload,
    service: instance.service,
    version: instance.version ?? null,
    labels: instance.labels,
    address: instance.address,
    inbound_port: instance.inboundPort,
    app_port: instance.appPort ?? null,
    protocol: instance.protocol,
    lease_ends_at: new Date(instance.leaseEndsAtMs).toISOString(),
    certificate_not_after: notAfterMs === undefined ? null : new Date(notAfterMs).toISOString(),
  };
}
