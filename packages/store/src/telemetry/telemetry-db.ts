import pg from "pg";
import { DatabaseUnavailableError, isDatabaseAway } from "../config/database-unavailable.ts";

/** The telemetry half of the database: plain SQL over few connections, commits not waited for. */
export type TelemetryDb = {
  /** Rejects with `DatabaseUnavailableError` when the database is away; worth trying again. */
  withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** The same inside one transaction. */
  withTransaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

const CONNECT_TIMEOUT_MS = 3000;
const QUERY_TIMEOUT_MS = 15_000;

/** `onIdleError` hears of connections that broke while nobody used them; the pool replaces them itself. */
export function openTelemetryDb(
  databaseUrl: string,
  options: { readonly maxConnections: number; onIdleError(error: Error): void },
): TelemetryDb {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: options.maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: "heddle-collector",
    // Telemetry may lose its last moments with the database's machine; it must not wait for its disk.
    options: `-c synchronous_commit=off -c statement_timeout=${QUERY_TIMEOUT_MS} -c timezone=UTC`,
  });
  pool.on("error", (error) => options.onIdleError(error));

  const withClient = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw new DatabaseUnavailableError(error);
    }
    // A connection that breaks while it is in use also fails the query, which is how we hear of it.
    const ignoreBreak = () => undefined;
    client.on("error", ignoreBreak);
    let failure: Error | undefined;
    try {
      return await work(client);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw isDatabaseAway(error) ? new DatabaseUnavailableError(error) : error;
    } finally {
      client.off("error", ignoreBreak);
      client.release(failure); // a connection that failed is closed, not used again
    }
  };
  return {
    withClient,
    withTransaction: (work) =>
      withClient(async (client) => {
        await client.query("BEGIN");
        const result = await work(client); // a failure closes the connection, which rolls back
        await client.query("COMMIT");
        return result;
      }),
    close: () => pool.end(),
  };
}
