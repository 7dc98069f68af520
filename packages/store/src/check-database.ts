import pg from "pg";

/** The database of a URL cannot be used. The message never holds the password. */
export class DatabaseUnreachableError extends Error {
  override readonly name = "DatabaseUnreachableError";
  readonly code = "HEDDLE_DATABASE_UNREACHABLE";
  constructor(where: string, why: string, options?: ErrorOptions) {
    super(`cannot use the database ${where}: ${why}`, options);
  }
}

/** `postgresql://user@host:port/database`: a database's URL as it may be shown and logged. */
export function describeDatabase(databaseUrl: string): string {
  try {
    const { username, host, pathname } = new URL(databaseUrl);
    return `postgresql://${username === "" ? "" : `${username}@`}${host}${pathname}`;
  } catch {
    return "of DATABASE_URL";
  }
}

/** Resolves when the database takes queries; throws `DatabaseUnreachableError` with one sentence. */
export async function requireDatabase(databaseUrl: string, timeoutMs = 5000): Promise<void> {
  const where = describeDatabase(databaseUrl);
  if (!URL.canParse(databaseUrl)) {
    throw new DatabaseUnreachableError(
      where,
      "not a URL like postgresql://user:password@host:port/database (special characters percent-encoded)",
    );
  }
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  client.on("error", () => undefined); // seen by the query below, or of no consequence
  try {
    await client.connect();
    await client.query("SELECT 1");
  } catch (cause) {
    throw new DatabaseUnreachableError(where, explain(cause), { cause });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Codes of Node's sockets and of PostgreSQL (Appendix A of its manual). */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; is PostgreSQL running?",
  ENOTFOUND: "no host of that name",
  EAI_AGAIN: "the name server does not answer",
  EHOSTUNREACH: "no way to that host",
  ETIMEDOUT: "no answer",
  "28P01": "user or password is wrong",
  "28000": "the server does not let this user in (pg_hba.conf)",
  "3D000": "there is no database of that name; create it first",
  "53300": "the server has no connection left",
  "57P03": "the server is still starting",
};

function explain(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? (message || "no answer");
}
