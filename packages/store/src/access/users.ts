import { ask, type ConfigDb } from "../config/config-db.ts";
import type { AccessUser } from "../generated/client.ts";
import { readGrants, type StoredGrant } from "./access-state.ts";

/** A person, with what the login needs. */
export type StoredUser = {
  readonly name: string;
  readonly displayName: string | undefined;
  readonly source: "local" | "oidc";
  readonly passwordHash: string | undefined;
  readonly setupEndsAtMs: number | undefined;
  readonly grants: readonly StoredGrant[];
  readonly isDisabled: boolean;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly lastLoginAtMs: number | undefined;
  readonly sessions: number;
};

export type NewLocalUser = {
  readonly name: string;
  readonly displayName: string | undefined;
  readonly grants: readonly StoredGrant[];
  readonly createdBy: string;
  readonly setupHash: Uint8Array;
  readonly setupEndsAtMs: number;
};

const withSessions = { include: { _count: { select: { sessions: true } } } } as const;
type UserRow = AccessUser & { _count: { sessions: number } };

/** Everybody, by name. */
export async function findUsers(db: ConfigDb): Promise<StoredUser[]> {
  const rows = await ask(db, (prisma) =>
    prisma.accessUser.findMany({ ...withSessions, orderBy: { name: "asc" } }),
  );
  return rows.map(toUser);
}

export async function findUser(db: ConfigDb, name: string): Promise<StoredUser | undefined> {
  const row = await ask(db, (prisma) =>
    prisma.accessUser.findUnique({ ...withSessions, where: { name } }),
  );
  return row ? toUser(row) : undefined;
}

/** Whether anybody could log in with a password, or set one. */
export async function hasLocalUsers(db: ConfigDb): Promise<boolean> {
  const found = await ask(db, (prisma) =>
    prisma.accessUser.findFirst({ where: { source: "local" }, select: { name: true } }),
  );
  return found !== null;
}

/** `false`: there is a user of that name. */
export async function createLocalUser(db: ConfigDb, user: NewLocalUser): Promise<boolean> {
  const { count } = await ask(db, (prisma) =>
    prisma.accessUser.createMany({
      skipDuplicates: true,
      data: [
        {
          name: user.name,
          displayName: user.displayName ?? null,
          source: "local",
          grants: user.grants.map((grant) => ({ ...grant })),
          createdBy: user.createdBy,
          setupHash: Uint8Array.from(user.setupHash),
          setupEndsAt: new Date(user.setupEndsAtMs),
        },
      ],
    }),
  );
  return count === 1;
}

/** Absent fields stay. A disabled user's sessions end. `false`: there is no such user. */
export async function changeUser(
  db: ConfigDb,
  name: string,
  change: {
    readonly displayName?: string | undefined;
    readonly grants?: readonly StoredGrant[] | undefined;
    readonly isDisabled?: boolean | undefined;
  },
): Promise<boolean> {
  const { displayName, grants, isDisabled } = change;
  const [{ count }] = await ask(db, (prisma) =>
    prisma.$transaction([
      prisma.accessUser.updateMany({
        where: { name },
        data: {
          ...(displayName === undefined ? {} : { displayName: displayName || null }),
          ...(grants === undefined ? {} : { grants: grants.map((grant) => ({ ...grant })) }),
          ...(isDisabled === undefined ? {} : { isDisabled }),
        },
      }),
      prisma.accessSession.deleteMany({ where: { owner: isDisabled === true ? name : "" } }),
    ]),
  );
  return count === 1;
}

/** Takes the user away with all sessions and tokens. `false`: there is no such user. */
export async function deleteUser(db: ConfigDb, name: string): Promise<boolean> {
  const { count } = await ask(db, (prisma) => prisma.accessUser.deleteMany({ where: { name } }));
  return count === 1;
}

/** Gives a local user a new setup link in place of any other. `false`: no such local user. */
export async function renewSetupLink(
  db: ConfigDb,
  name: string,
  setupHash: Uint8Array,
  setupEndsAtMs: number,
): Promise<boolean> {
  const { count } = await ask(db, (prisma) =>
    prisma.accessUser.updateMany({
      where: { name, source: "local" },
      data: { setupHash: Uint8Array.from(setupHash), setupEndsAt: new Date(setupEndsAtMs) },
    }),
  );
  return count === 1;
}

/** Whose setup link that is; `undefined`: nobody's, used, ended, or of a disabled user. */
export async function findSetupLink(
  db: ConfigDb,
  setupHash: Uint8Array,
  nowMs: number,
): Promise<StoredUser | undefined> {
  const row = await ask(db, (prisma) =>
    prisma.accessUser.findFirst({
      ...withSessions,
      where: {
        setupHash: Uint8Array.from(setupHash),
        setupEndsAt: { gt: new Date(nowMs) },
        isDisabled: false,
      },
    }),
  );
  return row ? toUser(row) : undefined;
}

/** Uses the link up: sets the password and ends all sessions. `false`: it was used or had ended. */
export async function useSetupLink(
  db: ConfigDb,
  name: string,
  setupHash: Uint8Array,
  passwordHash: string,
  nowMs: number,
): Promise<boolean> {
  return ask(db, (prisma) =>
    prisma.$transaction(async (tx) => {
      const { count } = await tx.accessUser.updateMany({
        where: {
          name,
          setupHash: Uint8Array.from(setupHash),
          setupEndsAt: { gt: new Date(nowMs) },
          isDisabled: false,
        },
        data: { passwordHash, setupHash: null, setupEndsAt: null },
      });
      if (count === 1) await tx.accessSession.deleteMany({ where: { owner: name } });
      return count === 1;
    }),
  );
}

/** Sets a password in place of the one of hash `before`; all sessions but one end. `false`: it has changed meanwhile. */
export async function changePassword(
  db: ConfigDb,
  name: string,
  before: string,
  after: string,
  keptSession: string | undefined,
): Promise<boolean> {
  return ask(db, (prisma) =>
    prisma.$transaction(async (tx) => {
      const { count } = await tx.accessUser.updateMany({
        where: { name, passwordHash: before },
        data: { passwordHash: after },
      });
      if (count === 0) return false;
      await tx.accessSession.deleteMany({
        where: { owner: name, NOT: { id: keptSession ?? "" } },
      });
      return true;
    }),
  );
}

/** Keeps a password's hash in its new form, unless the password has changed meanwhile. */
export async function rehashPassword(
  db: ConfigDb,
  name: string,
  before: string,
  after: string,
): Promise<void> {
  await ask(db, (prisma) =>
    prisma.accessUser.updateMany({
      where: { name, passwordHash: before },
      data: { passwordHash: after },
    }),
  );
}

/**
 * The user of an OIDC subject as its provider describes it now. `undefined`: the name belongs to
 * somebody else.
 */
export async function upsertOidcUser(
  db: ConfigDb,
  user: {
    readonly subject: string;
    readonly name: string;
    readonly displayName: string | undefined;
    readonly grants: readonly StoredGrant[];
  },
): Promise<StoredUser | undefined> {
  const grants = user.grants.map((grant) => ({ ...grant }));
  const displayName = user.displayName ?? null;
  return ask(db, async (prisma) => {
    const known = await prisma.accessUser.findUnique({ where: { subject: user.subject } });
    if (known) {
      const row = await prisma.accessUser.update({
        ...withSessions,
        where: { subject: user.subject },
        data: { displayName, grants },
      });
      return toUser(row);
    }
    const { name, subject } = user;
    const { count } = await prisma.accessUser.createMany({
      skipDuplicates: true,
      data: [{ name, subject, displayName, grants, source: "oidc", createdBy: "oidc" }],
    });
    if (count === 0) return undefined;
    const row = await prisma.accessUser.findUnique({ ...withSessions, where: { name } });
    return row ? toUser(row) : undefined;
  });
}

function toUser(row: UserRow): StoredUser {
  return {
    name: row.name,
    displayName: row.displayName ?? undefined,
    source: row.source === "oidc" ? "oidc" : "local",
    passwordHash: row.passwordHash ?? undefined,
    setupEndsAtMs: row.setupEndsAt?.getTime(),
    grants: readGrants(row.grants),
    isDisabled: row.isDisabled,
    createdAtMs: row.createdAt.getTime(),
    createdBy: row.createdBy,
    lastLoginAtMs: row.lastLoginAt?.getTime(),
    sessions: row._count.sessions,
  };
}
