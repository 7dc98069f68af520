import { ask, type ConfigDb } from "./config-db.ts";

/** The mesh's root: certificate in the clear, key sealed with the CA secret. */
export type StoredAuthority = {
  readonly certificatePem: string;
  readonly encryptedKey: Uint8Array;
  readonly createdAtMs: number;
};

/** `undefined`: this mesh has no authority yet. */
export async function findAuthority(db: ConfigDb): Promise<StoredAuthority | undefined> {
  const row = await ask(db, (prisma) =>
    prisma.certificateAuthority.findFirst({ orderBy: { id: "asc" } }),
  );
  if (!row) return undefined;
  return {
    certificatePem: row.certificatePem,
    encryptedKey: row.encryptedKey,
    createdAtMs: row.createdAt.getTime(),
  };
}

/** Keeps the first authority of this mesh and returns the one that holds: another may have been faster. */
export async function keepFirstAuthority(
  db: ConfigDb,
  authority: StoredAuthority,
): Promise<StoredAuthority> {
  const encryptedKey = Uint8Array.from(authority.encryptedKey);
  await ask(
    db,
    (prisma) => prisma.$executeRaw`
      INSERT INTO certificate_authority (id, certificate_pem, encrypted_key, created_at)
      VALUES (1, ${authority.certificatePem}, ${encryptedKey}, ${new Date(authority.createdAtMs)})
      ON CONFLICT (id) DO NOTHING`,
  );
  const kept = await findAuthority(db);
  return kept ?? authority;
}
