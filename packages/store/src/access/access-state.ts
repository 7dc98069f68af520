import { ask, type ConfigDb } from "../config/config-db.ts";
import type { TelemetryDb } from "../telemetry/telemetry-db.ts";

/** A role on a namespace, as kept in JSON. */
export type StoredGrant = {
  readonly namespace: string;
  readonly role: "viewer" | "operator" | "admin";
};

/** A session or token that opens the door: what to hold a secret against, and who then came in. */
export type StoredCredential = {
  readonly id: string;
  readonly kind: "session" | "token";
  /** SHA-256. */
  readonly secretHash: Uint8Array;
  readonly userName: string;
  /** The token's name; `undefined`: a session. */
  readonly tokenName: string | undefined;
  /** Of a user: `undefined` for those that came by a login link or were made by one. */
  readonly owner: string | undefined;
  /** Own grants; `undefined`: the owner's hold. */
  readonly grants: readonly StoredGrant[] | undefined;
  readonly ownerGrants: readonly StoredGrant[] | undefined;
  readonly expiresAtMs: number;
};

/** Everything that is good at one moment. */
export type AccessState = {
  readonly version: string;
  readonly credentials: readonly StoredCredential[];
};

/** Grants out of a JSON column; only this package writes them. */
export function readGrants(json: unknown): readonly StoredGrant[] {
  return json as readonly StoredGrant[];
}

const VERSION = "SELECT version::text AS version FROM access_version";
const CREDENTIALS = `
  SELECT s.id, 'session' AS kind, s.secret_hash AS "secretHash", s.user_name AS "userName",
    NULL AS "tokenName", s.owner, s.grants, u.grants AS "ownerGrants", s.expires_at AS "expiresAt"
  FROM access_session s LEFT JOIN access_user u ON u.name = s.owner
  WHERE s.expires_at > now() AND u.is_disabled IS NOT TRUE
  UNION ALL
  SELECT t.id, 'token', t.secret_hash, t.user_name, t.name, t.owner, t.grants, u.grants, t.expires_at
  FROM api_token t LEFT JOIN access_user u ON u.name = t.owner
  WHERE t.expires_at > now() AND u.is_disabled IS NOT TRUE`;

type CredentialRow = {
  id: string;
  kind: "session" | "token";
  secretHash: Uint8Array;
  userName: string;
  tokenName: string | null;
  owner: string | null;
  grants: readonly StoredGrant[] | null;
  ownerGrants: readonly StoredGrant[] | null;
  expiresAt: Date;
};

/** Moves on with every change of who may do what. */
export type AccessSource = {
  version(): Promise<string>;
  load(): Promise<AccessState>;
};

/** As the control plane reads it. */
export function accessFromConfig(db: ConfigDb): AccessSource {
  return accessFrom((sql) => ask(db, (prisma) => prisma.$queryRawUnsafe(sql)));
}

/** As the collector reads it, which never writes there. */
export function accessFromTelemetry(db: TelemetryDb): AccessSource {
  return accessFrom((sql) => db.withClient(async (client) => (await client.query(sql)).rows));
}

function accessFrom(query: (sql: string) => Promise<unknown>): AccessSource {
  const version = async () => {
    const rows = (await query(VERSION)) as { version: string }[];
    return rows[0]?.version ?? "0";
  };
  return {
    version,
    load: async () => {
      const before = await version(); // read first: what changes meanwhile makes it stale, and is read again
      const rows = (await query(CREDENTIALS)) as CredentialRow[];
      return { version: before, credentials: rows.map(toCredential) };
    },
  };
}

function toCredential(row: CredentialRow): StoredCredential {
  const { id, kind, secretHash, userName, tokenName, owner, grants, ownerGrants, expiresAt } = row;
  return {
    id,
    kind,
    secretHash,
    userName,
    tokenName: tokenName ?? undefined,
    owner: owner ?? undefined,
    grants: grants ?? undefined,
    ownerGrants: ownerGrants ?? undefined,
    expiresAtMs: expiresAt.getTime(),
  };
}
