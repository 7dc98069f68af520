import { ask, type ConfigDb } from "./config-db.ts";
import type { StoredProxy } from "./registry.ts";

/** A join token as kept: never the secret, only its SHA-256. */
export type StoredJoinToken = {
  readonly id: string;
  readonly secretHash: Uint8Array;
  readonly namespace: string;
  readonly workload: string | undefined;
  readonly usesLeft: number;
  readonly maxUses: number;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** The root it pins, SHA-256 in base64url; `undefined`: made before that was noted. */
  readonly rootHash: string | undefined;
  readonly revoked: { readonly atMs: number; readonly by: string } | undefined;
};

/** Tokens that have ended are shown for a week more. */
const SHOWN_AFTER_END_MS = 7 * 86_400_000;

/** Keeps a new join token and drops those that have ended long ago. */
export async function createJoinToken(
  db: ConfigDb,
  token: Omit<StoredJoinToken, "createdAtMs" | "maxUses" | "revoked">,
  nowMs: number,
): Promise<void> {
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.joinToken.deleteMany({
        where: { expiresAt: { lt: new Date(nowMs - SHOWN_AFTER_END_MS) } },
      }),
      prisma.joinToken.create({
        data: {
          id: token.id,
          secretHash: Uint8Array.from(token.secretHash),
          namespace: token.namespace,
          workload: token.workload ?? null,
          usesLeft: token.usesLeft,
          maxUses: token.usesLeft,
          createdBy: token.createdBy,
          createdAt: new Date(nowMs),
          expiresAt: new Date(token.expiresAtMs),
          rootHash: token.rootHash ?? null,
        },
      }),
    ]),
  );
}

/** The token of that id, used up, ended or revoked though it may be. */
export async function findJoinToken(
  db: ConfigDb,
  id: string,
): Promise<StoredJoinToken | undefined> {
  const row = await ask(db, (prisma) => prisma.joinToken.findUnique({ where: { id } }));
  return row === null ? undefined : toJoinToken(row);
}

/** A token, and the proxies that joined by it and were not put out. */
export type JoinTokenUse = StoredJoinToken & { readonly proxyIds: readonly string[] };

/** Every token that has not ended long ago, newest first, at most 1000. */
export async function findJoinTokens(db: ConfigDb): Promise<JoinTokenUse[]> {
  return ask(db, async (prisma) => {
    const rows = await prisma.joinToken.findMany({
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      take: 1000,
    });
    const proxies = await prisma.proxy.findMany({
      where: { joinTokenId: { in: rows.map(({ id }) => id) }, revokedAt: null },
      select: { id: true, joinTokenId: true },
      orderBy: { id: "asc" },
    });
    const byToken = Map.groupBy(proxies, ({ joinTokenId }) => joinTokenId);
    return rows.map((row) => ({
      ...toJoinToken(row),
      proxyIds: (byToken.get(row.id) ?? []).map(({ id }) => id),
    }));
  });
}

/** Nobody joins by it any more. `undefined`: there is no such token; revoked twice, it stays as it was. */
export async function revokeJoinToken(
  db: ConfigDb,
  id: string,
  by: string,
): Promise<StoredJoinToken | undefined> {
  await ask(db, (prisma) =>
    prisma.joinToken.updateMany({
      where: { id, revokedAt: null },
      data: { revokedAt: new Date(), revokedBy: by },
    }),
  );
  return findJoinToken(db, id);
}

/**
 * Takes one use of the token and writes the proxy, both or neither. A proxy that is there already (it has
 * proved its key) takes the token's namespace and workload over. `false`: no use was left.
 */
export async function admitProxy(
  db: ConfigDb,
  tokenId: string,
  proxy: Pick<StoredProxy, "id" | "name" | "version"> & { readonly ownKeyHash: string },
): Promise<boolean> {
  const admitted = await ask(
    db,
    (prisma) => prisma.$executeRaw`
      WITH used AS (
        UPDATE join_token SET uses_left = uses_left - 1
        WHERE id = ${tokenId} AND uses_left > 0 AND expires_at > now() AND revoked_at IS NULL
        RETURNING namespace, workload
      )
      INSERT INTO proxy (id, name, version, namespace, workload, join_token_id, own_key_hash)
      SELECT ${proxy.id}, ${proxy.name}, ${proxy.version}, namespace, workload, ${tokenId},
        ${proxy.ownKeyHash} FROM used
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, namespace = excluded.namespace,
        workload = excluded.workload, join_token_id = excluded.join_token_id,
        own_key_hash = excluded.own_key_hash, left_at = NULL, last_seen_at = now()`,
  );
  return admitted === 1;
}

function toJoinToken(row: {
  id: string;
  secretHash: Uint8Array;
  namespace: string;
  workload: string | null;
  usesLeft: number;
  maxUses: number;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date;
  rootHash: string | null;
  revokedAt: Date | null;
  revokedBy: string | null;
}): StoredJoinToken {
  return {
    id: row.id,
    secretHash: row.secretHash,
    namespace: row.namespace,
    workload: row.workload ?? undefined,
    usesLeft: row.usesLeft,
    maxUses: row.maxUses,
    createdBy: row.createdBy,
    createdAtMs: row.createdAt.getTime(),
    expiresAtMs: row.expiresAt.getTime(),
    rootHash: row.rootHash ?? undefined,
    revoked:
      row.revokedAt === null
        ? undefined
        : { atMs: row.revokedAt.getTime(), by: row.revokedBy ?? "" },
  };
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
