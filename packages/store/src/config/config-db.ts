import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "../generated/client.ts";
import { DatabaseUnavailableError, isDatabaseAway } from "./database-unavailable.ts";

/** The configuration half of the database: documents, revisions, registry, tokens, authority. */
export type ConfigDb = {
  readonly prisma: PrismaClient;
  close(): Promise<void>;
};

/**
 * Opens a pool; connects at the first question. `onIdleError` hears of connections that die between
 * questions (the server restarted): the pool replaces them by itself.
 */
export function openConfigDb(databaseUrl: string, onIdleError: (error: Error) => void): ConfigDb {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 8,
    connectionTimeoutMillis: 3_000,
    statement_timeout: 10_000, // a question that hangs must not hang its caller for ever
    keepAlive: true,
    application_name: "heddle-control-plane",
  });
  pool.on("error", onIdleError);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return {
    prisma,
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** Asks the database; that it is away becomes a `DatabaseUnavailableError`, all else passes. */
export async function ask<Answer>(
  db: ConfigDb,
  question: (prisma: PrismaClient) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await question(db.prisma);
  } catch (cause) {
    if (isDatabaseAway(cause)) throw new DatabaseUnavailableError(cause);
    throw cause;
  }
}
