import { ask, type ConfigDb } from "./config-db.ts";

/** A leaf that was issued; `workload` undefined: a proxy's own. */
export type StoredCertificate = {
  readonly serialNumber: string;
  /** SHA-256 of its DER, lower-case hex. */
  readonly fingerprint: string;
  readonly proxyId: string;
  readonly workload: { readonly namespace: string; readonly name: string } | undefined;
  /** Its SPIFFE id. */
  readonly identity: string;
  readonly issuerId: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

export type CertificateRecord = StoredCertificate & {
  /** Its holder has said that it uses it. */
  readonly isHeld: boolean;
  readonly revoked:
    | { readonly atMs: number; readonly by: string; readonly reason: string }
    | undefined;
};

/** What a proxy uses: all of it, or (`holder`) what it uses for one workload, `null` being itself. */
export type HeldReport = {
  readonly proxyId: string;
  readonly certificates: readonly HeldCertificateReport[];
  readonly holder?: { readonly namespace: string; readonly name: string } | null;
};

/** `identity` and `assumedNotAfterMs` are for a certificate nobody has written down. */
export type HeldCertificateReport = Pick<
  StoredCertificate,
  "serialNumber" | "workload" | "identity"
> & { readonly assumedNotAfterMs: number };

/** Certificates that may not be believed though they have not ended. */
export type RevokedCertificate = { readonly serialNumber: string; readonly notAfterMs: number };

/**
 * Writes new certificates and what proxies say they use, and drops those that have ended; one transaction. A
 * number nobody knows (its control plane died before it had written it down) is kept with issuer 0: unknown.
 */
export async function saveIssuedCertificates(
  db: ConfigDb,
  batch: { readonly issued: readonly StoredCertificate[]; readonly held: readonly HeldReport[] },
): Promise<void> {
  await ask(db, (prisma) =>
    prisma.$transaction([
      insertCertificates(prisma, batch.issued.map(toCertificateRow)),
      prisma.$executeRaw`DELETE FROM issued_certificate WHERE not_after < now()`,
      ...inRounds(batch.held).flatMap((round) => [
        // of what nobody knows, a proxy has only what it says now
        prisma.$executeRaw`
          DELETE FROM issued_certificate AS c
          USING jsonb_to_recordset(${JSON.stringify(round.map(toReportRow))}::jsonb) AS row(
            proxy_id text, serial_numbers text[], is_partial boolean)
          WHERE c.proxy_id = row.proxy_id AND c.issuer_id = 0 AND NOT row.is_partial
            AND NOT c.serial_number = ANY (row.serial_numbers)`,
        insertCertificates(prisma, round.flatMap(toUnknownRows)),
        prisma.$executeRaw`
          UPDATE issued_certificate AS c SET is_held = c.serial_number = ANY (row.serial_numbers)
          FROM jsonb_to_recordset(${JSON.stringify(round.map(toReportRow))}::jsonb) AS row(
            proxy_id text, serial_numbers text[], is_partial boolean, namespace text, workload text)
          WHERE c.proxy_id = row.proxy_id AND (NOT row.is_partial
            OR (c.namespace IS NOT DISTINCT FROM row.namespace
              AND c.workload IS NOT DISTINCT FROM row.workload))`,
      ]),
    ]),
  );
}

function insertCertificates(prisma: ConfigDb["prisma"], rows: readonly CertificateRow[]) {
  return prisma.$executeRaw`
    INSERT INTO issued_certificate (serial_number, fingerprint, proxy_id, namespace, workload,
      identity, issuer_id, not_before, not_after)
    SELECT row.* FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS row(serial_number text, fingerprint text, proxy_id text, namespace text, workload text,
        identity text, issuer_id int, not_before timestamptz, not_after timestamptz)
    ON CONFLICT (serial_number) DO NOTHING`;
}

/** Certificates that have not ended, those that end first, first; and how many there are. */
export async function findIssuedCertificates(
  db: ConfigDb,
  filter: {
    readonly proxyId?: string | undefined;
    readonly workload?: { readonly namespace: string; readonly name: string } | undefined;
    readonly serialNumber?: string | undefined;
    readonly isHeld?: boolean | undefined;
    readonly limit: number;
  },
): Promise<{ readonly certificates: CertificateRecord[]; readonly total: number }> {
  const where = {
    notAfter: { gt: new Date() },
    ...(filter.proxyId === undefined ? {} : { proxyId: filter.proxyId }),
    ...(filter.workload === undefined
      ? {}
      : { namespace: filter.workload.namespace, workload: filter.workload.name }),
    ...(filter.serialNumber === undefined ? {} : { serialNumber: filter.serialNumber }),
    ...(filter.isHeld === undefined ? {} : { isHeld: filter.isHeld }),
  };
  return ask(db, async (prisma) => {
    const [rows, total] = await prisma.$transaction([
      prisma.issuedCertificate.findMany({
        where,
        orderBy: [{ notAfter: "asc" }, { serialNumber: "asc" }],
        take: filter.limit,
      }),
      prisma.issuedCertificate.count({ where }),
    ]);
    return { certificates: rows.map(toRecord), total };
  });
}

export type CertificateCounts = {
  readonly inUse: number;
  readonly revoked: number;
  /** In use for more than two thirds of their lives. */
  readonly overdue: number;
  /** In use, by the authority that signed them. */
  readonly byIssuer: ReadonlyMap<number, number>;
};

export async function countIssuedCertificates(db: ConfigDb): Promise<CertificateCounts> {
  type Row = { issuerId: number; inUse: number; overdue: number; revoked: number };
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<Row[]>`
      SELECT issuer_id AS "issuerId",
        (count(*) FILTER (WHERE is_held AND revoked_at IS NULL))::int AS "inUse",
        (count(*) FILTER (WHERE is_held AND revoked_at IS NULL
          AND now() > not_before + (not_after - not_before) * 0.667))::int AS "overdue",
        (count(*) FILTER (WHERE revoked_at IS NOT NULL))::int AS "revoked"
      FROM issued_certificate WHERE not_after > now() GROUP BY issuer_id`,
  );
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    inUse: sum((row) => row.inUse),
    revoked: sum((row) => row.revoked),
    overdue: sum((row) => row.overdue),
    byIssuer: new Map(rows.map((row) => [row.issuerId, row.inUse])),
  };
}

/** Revoked certificates that have not ended, oldest end first. */
export async function findRevokedCertificates(db: ConfigDb): Promise<RevokedCertificate[]> {
  const rows = await ask(db, (prisma) =>
    prisma.issuedCertificate.findMany({
      where: { revokedAt: { not: null }, notAfter: { gt: new Date() } },
      select: { serialNumber: true, notAfter: true },
      orderBy: [{ notAfter: "asc" }, { serialNumber: "asc" }],
    }),
  );
  return rows.map((row) => ({
    serialNumber: row.serialNumber,
    notAfterMs: row.notAfter.getTime(),
  }));
}

/** Of whom certificates are revoked: exactly one part is given. */
export type RevocationTarget =
  | { readonly serialNumber: string }
  | { readonly proxyIds: readonly string[] }
  | { readonly workload: { readonly namespace: string; readonly name: string } };

/**
 * Revokes certificates, and returns those that were not revoked before. With `proxyIds` the proxies
 * themselves are put out, too: none of them may come back under its id.
 */
export async function revokeCertificates(
  db: ConfigDb,
  target: RevocationTarget,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<CertificateRecord[]> {
  const now = new Date();
  const which =
    "serialNumber" in target
      ? { serialNumber: target.serialNumber }
      : "proxyIds" in target
        ? { proxyId: { in: [...target.proxyIds] } }
        : { namespace: target.workload.namespace, workload: target.workload.name };
  const where = { ...which, revokedAt: null, notAfter: { gt: now } };
  return ask(db, (prisma) =>
    prisma.$transaction(async (tx) => {
      const rows = await tx.issuedCertificate.updateManyAndReturn({
        where,
        data: { revokedAt: now, revokedBy: by, revokedReason: reason },
      });
      if ("proxyIds" in target) {
        await tx.proxy.updateMany({
          where: { id: { in: [...target.proxyIds] }, revokedAt: null },
          data: { revokedAt: now },
        });
      }
      return rows.map(toRecord);
    }),
  );
}

/** Reports in rounds, in the order they came, so that no statement is told twice of one certificate. */
function inRounds(reports: readonly HeldReport[]): HeldReport[][] {
  const rounds: HeldReport[][] = [];
  const nextOfHolder = new Map<string, number>();
  const nextOfProxy = new Map<string, number>(); // after everything said of it
  const afterWhole = new Map<string, number>(); // after what was said of all its certificates
  for (const report of reports) {
    const { proxyId, holder } = report;
    const isWhole = holder === undefined;
    const key = isWhole ? "" : `${proxyId} ${holder?.namespace ?? ""}/${holder?.name ?? ""}`;
    const index = isWhole
      ? (nextOfProxy.get(proxyId) ?? 0)
      : Math.max(afterWhole.get(proxyId) ?? 0, nextOfHolder.get(key) ?? 0);
    const round = rounds[index] ?? [];
    rounds[index] = round;
    round.push(report);
    if (isWhole) afterWhole.set(proxyId, index + 1);
    else nextOfHolder.set(key, index + 1);
    nextOfProxy.set(proxyId, Math.max(nextOfProxy.get(proxyId) ?? 0, index + 1));
  }
  return rounds;
}

function toReportRow({ proxyId, certificates, holder }: HeldReport) {
  return {
    proxy_id: proxyId,
    serial_numbers: certificates.map(({ serialNumber }) => serialNumber),
    is_partial: holder !== undefined,
    namespace: holder?.namespace ?? null,
    workload: holder?.name ?? null,
  };
}

type CertificateRow = ReturnType<typeof toCertificateRow>;

function toCertificateRow(one: StoredCertificate) {
  return {
    serial_number: one.serialNumber,
    fingerprint: one.fingerprint,
    proxy_id: one.proxyId,
    namespace: one.workload?.namespace ?? null,
    workload: one.workload?.name ?? null,
    identity: one.identity,
    issuer_id: one.issuerId,
    not_before: new Date(one.notBeforeMs).toISOString(),
    not_after: new Date(one.notAfterMs).toISOString(),
  };
}

function toUnknownRows({ proxyId, certificates }: HeldReport): CertificateRow[] {
  return certificates.map(({ assumedNotAfterMs, ...one }) =>
    toCertificateRow({
      ...one,
      proxyId,
      fingerprint: "",
      issuerId: 0,
      notBeforeMs: Date.now(),
      notAfterMs: assumedNotAfterMs,
    }),
  );
}

type Row = {
  serialNumber: string;
  fingerprint: string;
  proxyId: string;
  namespace: string | null;
  workload: string | null;
  identity: string;
  issuerId: number;
  notBefore: Date;
  notAfter: Date;
  isHeld: boolean;
  revokedAt: Date | null;
  revokedBy: string | null;
  revokedReason: string | null;
};

function toRecord(row: Row): CertificateRecord {
  const { namespace, workload, revokedAt } = row;
  return {
    serialNumber: row.serialNumber,
    fingerprint: row.fingerprint,
    proxyId: row.proxyId,
    workload: namespace === null || workload === null ? undefined : { namespace, name: workload },
    identity: row.identity,
    issuerId: row.issuerId,
    notBeforeMs: row.notBefore.getTime(),
    notAfterMs: row.notAfter.getTime(),
    isHeld: row.isHeld,
    revoked:
      revokedAt === null
        ? undefined
        : {
            atMs: revokedAt.getTime(),
            by: row.revokedBy ?? "",
            reason: row.revokedReason ?? "",
          },
  };
}
