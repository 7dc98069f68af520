import type { RotationOf, RotationStep } from "@heddle/mesh";
import type { Prisma } from "../generated/client.ts";
import { ask, type ConfigDb } from "./config-db.ts";

/** A root, or (with `parentId`) an intermediate: certificates in the clear, key sealed with the CA secret. */
export type StoredAuthority = {
  readonly id: number;
  readonly parentId: number | undefined;
  /** Of an intermediate from files: itself first, then those between it and the root. */
  readonly certificatePem: string;
  /** `undefined`: it lies in files, or was destroyed. */
  readonly encryptedKey: Uint8Array | undefined;
  readonly createdAtMs: number;
  readonly isFromFiles: boolean;
  /** Of a root: proxies are told to believe it. */
  readonly isTrusted: boolean;
  /** Of an intermediate: new certificates come from it. At most one has it. */
  readonly isSigning: boolean;
  readonly retiredAtMs: number | undefined;
};

/** One rotation, between two intermediates. */
export type StoredRotation = {
  readonly id: number;
  readonly of: RotationOf;
  readonly step: RotationStep;
  readonly isStepwise: boolean;
  readonly isPaused: boolean;
  readonly fromAuthorityId: number;
  readonly toAuthorityId: number;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly reason: string | undefined;
  readonly stepSinceMs: number;
  readonly finishedAtMs: number | undefined;
};

/** All authorities, oldest first, and the rotation under way. */
export type StoredAuthorities = {
  readonly authorities: readonly StoredAuthority[];
  readonly rotation: StoredRotation | undefined;
};

export type NewAuthority = Pick<StoredAuthority, "certificatePem" | "encryptedKey"> & {
  readonly parentId?: number;
  readonly isFromFiles?: boolean;
  readonly isTrusted?: boolean;
  readonly isSigning?: boolean;
};

export type NewRotation = Pick<
  StoredRotation,
  "of" | "step" | "isStepwise" | "fromAuthorityId" | "toAuthorityId" | "startedBy" | "reason"
>;

/** Writes of one transaction; nothing of it holds unless all of it does. */
export type AuthorityWriter = {
  add(authority: NewAuthority): Promise<number>;
  /** This intermediate signs from now on, and no other. */
  sign(id: number): Promise<void>;
  trust(id: number, isTrusted: boolean): Promise<void>;
  /** Nobody believes it any more, or ever will again. */
  retire(id: number): Promise<void>;
  destroyKey(id: number): Promise<void>;
  startRotation(rotation: NewRotation): Promise<number>;
  changeRotation(
    id: number,
    change: Partial<
      Omit<StoredRotation, "id" | "of" | "startedAtMs" | "startedBy" | "reason" | "stepSinceMs">
    >,
  ): Promise<void>;
};

// Any number; whoever changes authorities takes it, so that of several control planes one does at a time.
const AUTHORITY_LOCK_ID = 1_748_291_104;
const TRANSACTION = { maxWait: 5_000, timeout: 10_000 } as const;

export async function loadAuthorities(db: ConfigDb): Promise<StoredAuthorities> {
  return ask(db, (prisma) => prisma.$transaction(read));
}

/** The rotations that are over, newest first. */
export async function findPastRotations(db: ConfigDb, limit: number): Promise<StoredRotation[]> {
  const rows = await ask(db, (prisma) =>
    prisma.authorityRotation.findMany({
      where: { finishedAt: { not: null } },
      orderBy: { id: "desc" },
      take: limit,
    }),
  );
  return rows.map(toRotation);
}

/**
 * Reads the authorities, lets `plan` change them, and writes all of it or, when `plan` throws, nothing. No
 * other control plane changes them meanwhile.
 */
export async function changeAuthorities<Outcome>(
  db: ConfigDb,
  plan: (stored: StoredAuthorities, writer: AuthorityWriter) => Promise<Outcome>,
): Promise<Outcome> {
  return ask(db, (prisma) =>
    prisma.$transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${AUTHORITY_LOCK_ID})`;
      return plan(await read(tx), writerOf(tx));
    }, TRANSACTION),
  );
}

async function read(tx: Prisma.TransactionClient): Promise<StoredAuthorities> {
  const rows = await tx.certificateAuthority.findMany({ orderBy: { id: "asc" } });
  const rotation = await tx.authorityRotation.findFirst({ where: { finishedAt: null } });
  return {
    authorities: rows.map((row) => ({
      id: row.id,
      parentId: row.parentId ?? undefined,
      certificatePem: row.certificatePem,
      encryptedKey: row.encryptedKey ?? undefined,
      createdAtMs: row.createdAt.getTime(),
      isFromFiles: row.isFromFiles,
      isTrusted: row.isTrusted,
      isSigning: row.isSigning,
      retiredAtMs: row.retiredAt?.getTime(),
    })),
    rotation: rotation === null ? undefined : toRotation(rotation),
  };
}

function writerOf(tx: Prisma.TransactionClient): AuthorityWriter {
  const change = async (id: number, data: Prisma.CertificateAuthorityUpdateInput) => {
    await tx.certificateAuthority.update({ where: { id }, data });
  };
  return {
    add: async (authority) => {
      if (authority.isSigning === true) await stopSigning(tx);
      const { encryptedKey } = authority;
      const row = await tx.certificateAuthority.create({
        data: {
          certificatePem: authority.certificatePem,
          encryptedKey: encryptedKey === undefined ? null : Uint8Array.from(encryptedKey),
          parentId: authority.parentId ?? null,
          isFromFiles: authority.isFromFiles ?? false,
          isTrusted: authority.isTrusted ?? true,
          isSigning: authority.isSigning ?? false,
        },
      });
      return row.id;
    },
    sign: async (id) => {
      await stopSigning(tx);
      await change(id, { isSigning: true });
    },
    trust: (id, isTrusted) => change(id, { isTrusted }),
    retire: (id) => change(id, { isTrusted: false, isSigning: false, retiredAt: new Date() }),
    destroyKey: (id) => change(id, { encryptedKey: null }),
    startRotation: async (rotation) => {
      const now = new Date();
      const { reason, ...rest } = rotation;
      const row = await tx.authorityRotation.create({
        data: { ...rest, reason: reason ?? null, startedAt: now, stepSince: now },
      });
      return row.id;
    },
    changeRotation: async (id, { finishedAtMs, ...rest }) => {
      await tx.authorityRotation.update({
        where: { id },
        data: {
          ...rest,
          ...(rest.step === undefined ? {} : { stepSince: new Date() }),
          ...(finishedAtMs === undefined ? {} : { finishedAt: new Date(finishedAtMs) }),
        },
      });
    },
  };
}

async function stopSigning(tx: Prisma.TransactionClient): Promise<void> {
  await tx.certificateAuthority.updateMany({
    where: { isSigning: true },
    data: { isSigning: false },
  });
}

function toRotation(row: Prisma.AuthorityRotationGetPayload<object>): StoredRotation {
  return {
    id: row.id,
    of: row.of as RotationOf, // only this module writes them
    step: row.step as RotationStep,
    isStepwise: row.isStepwise,
    isPaused: row.isPaused,
    fromAuthorityId: row.fromAuthorityId,
    toAuthorityId: row.toAuthorityId,
    startedAtMs: row.startedAt.getTime(),
    startedBy: row.startedBy,
    reason: row.reason ?? undefined,
    stepSinceMs: row.stepSince.getTime(),
    finishedAtMs: row.finishedAt?.getTime(),
  };
}
