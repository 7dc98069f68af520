import { ask, type ConfigDb } from "./config-db.ts";

/** Keeps the keys that were fetched from a source just now. */
export async function saveIssuerKeys(
  db: ConfigDb,
  source: string,
  jwks: string,
  nowMs: number,
): Promise<void> {
  const data = { jwks, fetchedAt: new Date(nowMs) };
  await ask(db, (prisma) =>
    prisma.issuerKeys.upsert({ where: { source }, create: { source, ...data }, update: data }),
  );
}

/** The keys by source that were fetched at `sinceMs` or later; older ones are dropped. */
export async function loadIssuerKeys(
  db: ConfigDb,
  sinceMs: number,
): Promise<ReadonlyMap<string, string>> {
  const [, rows] = await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.issuerKeys.deleteMany({ where: { fetchedAt: { lt: new Date(sinceMs) } } }),
      prisma.issuerKeys.findMany(),
    ]),
  );
  return new Map(rows.map(({ source, jwks }) => [source, jwks]));
}
