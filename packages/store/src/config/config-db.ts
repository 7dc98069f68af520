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
 * Opens a pool; connects at the first question. `onConnectionLost` hears of connections that
 * die (the server restarted): the pool replaces them by itself.
 */
export function openConfigDb(
  databaseUrl: string,
  onConnectionLost: (error: Error) => void,
): ConfigDb {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 8,
    connectionTimeoutMillis: 3_000,
    // A question that hangs must not hang its caller for ever; the second holds when the server itself does.
    statement_timeout: 10_000,
    query_timeout: 11_000,
    keepAlive: true,
    application_name: "heddle-control-plane",
  });
  // Listened to for a connection's whole life: between two owners (pool, adapter) nobody else does, and
  // an error event without a listener ends the process.
  pool.on("connect", (client) => client.on("error", onConnectionLost));
  pool.on("error", () => {}); // the same loss, told a second time
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: "minimal" });
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
