import { ask, type ConfigDb } from "./config-db.ts";
import type { StoredProxy } from "./registry.ts";

/** A join token as kept: never the secret, only its SHA-256. */
export type StoredJoinToken = {
  readonly id: string;
  readonly secretHash: Uint8Array;
  readonly namespace: string;
  readonly workload: string | undefined;
  readonly usesLeft: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
};

/** Keeps a new join token and drops those that have ended. */
export async function createJoinToken(
  db: ConfigDb,
  token: StoredJoinToken,
  nowMs: number,
): Promise<void> {
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.joinToken.deleteMany({ where: { expiresAt: { lt: new Date(nowMs) } } }),
      prisma.joinToken.create({
        data: {
          id: token.id,
          secretHash: Uint8Array.from(token.secretHash),
          namespace: token.namespace,
          workload: token.workload ?? null,
          usesLeft: token.usesLeft,
          createdBy: token.createdBy,
          expiresAt: new Date(token.expiresAtMs),
        },
      }),
    ]),
  );
}

/** The token of that id, used up or ended though it may be. */
export async function findJoinToken(
  db: ConfigDb,
  id: string,
): Promise<StoredJoinToken | undefined> {
  const row = await ask(db, (prisma) => prisma.joinToken.findUnique({ where: { id } }));
  if (!row) return undefined;
  return {
    id: row.id,
    secretHash: row.secretHash,
    namespace: row.namespace,
    workload: row.workload ?? undefined,
    usesLeft: row.usesLeft,
    createdBy: row.createdBy,
    expiresAtMs: row.expiresAt.getTime(),
  };
}

/** Takes one use of the token and writes the proxy, both or neither. `false`: no use was left. */
export async function admitProxy(
  db: ConfigDb,
  tokenId: string,
  proxy: Omit<StoredProxy, "namespace" | "workload">,
): Promise<boolean> {
  const admitted = await ask(
    db,
    (prisma) => prisma.$executeRaw`
      WITH used AS (
        UPDATE join_token SET uses_left = uses_left - 1
        WHERE id = ${tokenId} AND uses_left > 0 AND expires_at > now()
        RETURNING namespace, workload
      )
      INSERT INTO proxy (id, name, version, namespace, workload)
      SELECT ${proxy.id}, ${proxy.name}, ${proxy.version}, namespace, workload FROM used`,
  );
  return admitted === 1;
}

/** Marks a login link as used. `false`: it was used before. */
export async function useLoginToken(
  db: ConfigDb,
  id: string,
  expiresAtMs: number,
): Promise<boolean> {
  return ask(db, async (prisma) => {
    await prisma.$executeRaw`DELETE FROM used_login_token WHERE expires_at < now()`;
    const inserted = await prisma.$executeRaw`
      INSERT INTO used_login_token (id, expires_at) VALUES (${id}, ${new Date(expiresAtMs)})
      ON CONFLICT DO NOTHING`;
    return inserted === 1;
  });
}
