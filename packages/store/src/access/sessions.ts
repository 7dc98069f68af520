import { ask, type ConfigDb } from "../config/config-db.ts";
import type { AccessSession } from "../generated/client.ts";
import type { StoredGrant } from "./access-state.ts";

export type SessionMethod = "link" | "password" | "oidc" | "setup";

export type NewSession = {
  readonly id: string;
  readonly secretHash: Uint8Array;
  readonly userName: string;
  /** The user, whose grants hold; `undefined`: nobody's, then `grants` hold. */
  readonly owner: string | undefined;
  readonly grants: readonly StoredGrant[] | undefined;
  readonly method: SessionMethod;
  readonly address: string;
  readonly agent: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
};

export type StoredSession = Omit<NewSession, "secretHash" | "grants" | "method"> & {
  readonly method: string;
  readonly lastSeenAtMs: number;
};

/** Begins a session and notes the user's login. */
export async function createSession(db: ConfigDb, session: NewSession): Promise<void> {
  const createdAt = new Date(session.createdAtMs);
  await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.accessSession.create({
        data: {
          id: session.id,
          secretHash: Uint8Array.from(session.secretHash),
          userName: session.userName,
          owner: session.owner ?? null,
          ...(session.grants ? { grants: session.grants.map((grant) => ({ ...grant })) } : {}),
          method: session.method,
          address: session.address,
          agent: session.agent,
          createdAt,
          lastSeenAt: createdAt,
          expiresAt: new Date(session.expiresAtMs),
        },
      }),
      prisma.accessUser.updateMany({
        where: { name: session.owner ?? "" },
        data: { lastLoginAt: createdAt },
      }),
    ]),
  );
}

/** Live sessions, last used first; `userName` undefined: everybody's. */
export async function findSessions(
  db: ConfigDb,
  userName: string | undefined,
): Promise<StoredSession[]> {
  const rows = await ask(db, (prisma) =>
    prisma.accessSession.findMany({
      where: { expiresAt: { gt: new Date() }, ...(userName === undefined ? {} : { userName }) },
      orderBy: [{ lastSeenAt: "desc" }, { id: "asc" }],
      take: 1000,
    }),
  );
  return rows.map(toSession);
}

/** Ends sessions by id, or all of a person; how many there were. */
export async function endSessions(
  db: ConfigDb,
  which: { readonly id: string; readonly userName?: string } | { readonly userName: string },
): Promise<number> {
  const { count } = await ask(db, (prisma) => prisma.accessSession.deleteMany({ where: which }));
  return count;
}

/** Notes when sessions and tokens were last used. */
export async function noteUse(db: ConfigDb, lastUseMs: ReadonlyMap<string, number>): Promise<void> {
  if (lastUseMs.size === 0) return;
  const ids = [...lastUseMs.keys()];
  const times = [...lastUseMs.values()].map((ms) => new Date(ms));
  await ask(db, async (prisma) => {
    await prisma.$executeRaw`
      UPDATE access_session s SET last_seen_at = greatest(s.last_seen_at, used.at)
      FROM unnest(${ids}::text[], ${times}::timestamptz[]) AS used(id, at) WHERE s.id = used.id`;
    await prisma.$executeRaw`
      UPDATE api_token t SET last_used_at = greatest(t.last_used_at, used.at)
      FROM unnest(${ids}::text[], ${times}::timestamptz[]) AS used(id, at) WHERE t.id = used.id`;
  });
}

/** Drops sessions and tokens that have ended, and sessions nobody used for `idleMs`; how many sessions those were. */
export async function sweepCredentials(
  db: ConfigDb,
  nowMs: number,
  idleMs: number,
): Promise<number> {
  const now = new Date(nowMs);
  const quietSince = new Date(nowMs - idleMs);
  return ask(db, async (prisma) => {
    const { count } = await prisma.accessSession.deleteMany({
      where: { OR: [{ expiresAt: { lte: now } }, { lastSeenAt: { lt: quietSince } }] },
    });
    await prisma.apiToken.deleteMany({ where: { expiresAt: { lte: now } } });
    return count;
  });
}

function toSession(row: AccessSession): StoredSession {
  return {
    id: row.id,
    userName: row.userName,
    owner: row.owner ?? undefined,
    method: row.method,
    address: row.address,
    agent: row.agent,
    createdAtMs: row.createdAt.getTime(),
    lastSeenAtMs: row.lastSeenAt.getTime(),
    expiresAtMs: row.expiresAt.getTime(),
  };
}
