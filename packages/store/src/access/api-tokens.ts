import { ask, type ConfigDb } from "../config/config-db.ts";
import { readGrants, type StoredGrant } from "./access-state.ts";

export type StoredApiToken = {
  readonly id: string;
  readonly name: string;
  readonly userName: string;
  readonly owner: string | undefined;
  readonly grants: readonly StoredGrant[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly lastUsedAtMs: number | undefined;
};

/** Keeps a new token; `false`: its maker has `mostPerUser` already. */
export async function createApiToken(
  db: ConfigDb,
  token: StoredApiToken & { readonly secretHash: Uint8Array },
  mostPerUser: number,
): Promise<boolean> {
  return ask(db, async (prisma) => {
    const { userName } = token;
    if ((await prisma.apiToken.count({ where: { userName } })) >= mostPerUser) return false;
    await prisma.apiToken.create({
      data: {
        id: token.id,
        name: token.name,
        secretHash: Uint8Array.from(token.secretHash),
        userName,
        owner: token.owner ?? null,
        grants: token.grants.map((grant) => ({ ...grant })),
        createdAt: new Date(token.createdAtMs),
        expiresAt: new Date(token.expiresAtMs),
      },
    });
    return true;
  });
}

/** Live tokens, newest first; `userName` undefined: everybody's. */
export async function findApiTokens(
  db: ConfigDb,
  userName: string | undefined,
): Promise<StoredApiToken[]> {
  const rows = await ask(db, (prisma) =>
    prisma.apiToken.findMany({
      where: { expiresAt: { gt: new Date() }, ...(userName === undefined ? {} : { userName }) },
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      take: 1000,
    }),
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    userName: row.userName,
    owner: row.owner ?? undefined,
    grants: readGrants(row.grants),
    createdAtMs: row.createdAt.getTime(),
    expiresAtMs: row.expiresAt.getTime(),
    lastUsedAtMs: row.lastUsedAt?.getTime(),
  }));
}

/** Takes a token away; `userName`: only if it is that person's. `false`: there is none such. */
export async function deleteApiToken(
  db: ConfigDb,
  id: string,
  userName: string | undefined,
): Promise<boolean> {
  const where = { id, ...(userName === undefined ? {} : { userName }) };
  const { count } = await ask(db, (prisma) => prisma.apiToken.deleteMany({ where }));
  return count === 1;
}
