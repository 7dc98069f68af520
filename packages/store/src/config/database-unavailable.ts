/** The database does not answer: restarting, unreachable, or shutting down. Worth trying again. */
export class DatabaseUnavailableError extends Error {
  override readonly name = "DatabaseUnavailableError";
  readonly code = "HEDDLE_DATABASE_UNAVAILABLE";
  constructor(cause: unknown) {
    const detail = cause instanceof Error ? lastLine(cause.message) : String(cause);
    super(`the database does not answer: ${detail}`, { cause });
  }
}

// Node's socket errors, PostgreSQL's class 08 and 57P (shutdown, starting up), Prisma's connection codes.
const AWAY_CODE =
  /^(ECONN\w+|EPIPE|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EAI_AGAIN|ENOENT|08\w{3}|57P0[1-5]|53300|P1001|P1002|P1008|P1017|P2024|P2028|P2037)$/;
const AWAY_TEXT =
  /connection terminated|query read timeout|server has closed the connection|can't reach database|timeout exceeded when trying to connect|DatabaseNotReachable|ConnectionClosed|terminating connection|the database system is/i;

/** Whether an error, or one of its causes, says that the database is away. */
export function isDatabaseAway(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 6; depth++) {
    if (typeof at !== "object" || at === null) return false;
    const { code, originalCode, message, kind } = at as Record<string, unknown>;
    if ([code, originalCode].some((text) => typeof text === "string" && AWAY_CODE.test(text))) {
      return true;
    }
    if ([message, kind].some((text) => typeof text === "string" && AWAY_TEXT.test(text))) {
      return true;
    }
    at = nextCause(at as Record<string, unknown>);
  }
  return false;
}

function nextCause(error: Record<string, unknown>): unknown {
  const meta = error["meta"];
  if (typeof meta === "object" && meta !== null && "driverAdapterError" in meta) {
    return meta.driverAdapterError;
  }
  return error["cause"];
}

function lastLine(message: string): string {
  return message.trim().split("\n").at(-1) ?? message;
}
