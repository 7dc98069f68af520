import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";

/** A migration failed, was edited after it had been applied, or was left half-done. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly code = "HEDDLE_MIGRATION";
  readonly migration: string;
  constructor(migration: string, message: string, options?: ErrorOptions) {
    super(`migration ${migration}: ${message}`, options);
    this.migration = migration;
  }
}

// Prisma's own lock id: our runner and its CLI never migrate at the same time.
const ADVISORY_LOCK_ID = 72_707_369;

/**
 * Applies the checked-in migrations that the database lacks, oldest first, and returns their names.
 * Keeps `_prisma_migrations` as Prisma does (same rows, same checksums), without its schema engine.
 */
export async function migrate(databaseUrl: string, migrationsDir: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const applied: string[] = [];
  try {
    await client.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK_ID]);
    await client.query(CREATE_MIGRATIONS_TABLE);
    const done = await appliedMigrations(client);
    for (const name of migrationNames(migrationsDir)) {
      const sql = readFileSync(join(migrationsDir, name, "migration.sql"), "utf8");
      const checksum = createHash("sha256").update(sql).digest("hex");
      const before = done.get(name);
      if (before === checksum) continue;
      if (before !== undefined) throw new MigrationError(name, "was edited after it was applied");
      await applyMigration(client, name, sql, checksum);
      applied.push(name);
    }
  } finally {
    await client.end();
  }
  return applied;
}

const CREATE_MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

function migrationNames(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => existsSync(join(dir, name, "migration.sql")))
    .sort();
}

async function appliedMigrations(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{
    migration_name: string;
    checksum: string;
    finished_at: Date | null;
    rolled_back_at: Date | null;
  }>("SELECT migration_name, checksum, finished_at, rolled_back_at FROM _prisma_migrations");
  const live = rows.filter((row) => row.rolled_back_at === null);
  const unfinished = live.find((row) => row.finished_at === null);
  if (unfinished) {
    throw new MigrationError(unfinished.migration_name, "failed half-way; mend the database first");
  }
  return new Map(live.map((row) => [row.migration_name, row.checksum]));
}

async function applyMigration(client: pg.Client, name: string, sql: string, checksum: string) {
  const id = randomUUID();
  await client.query(
    "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)",
    [id, checksum, name],
  );
  try {
    await client.query(sql); // one simple query: PostgreSQL runs it as one transaction
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // Nothing of it is left in the database, so it may simply be tried again.
    await client.query(
      "UPDATE _prisma_migrations SET logs = $2, rolled_back_at = now() WHERE id = $1",
      [id, message],
    );
    throw new MigrationError(name, message, { cause });
  }
  await client.query(
    "UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1",
    [id],
  );
}
