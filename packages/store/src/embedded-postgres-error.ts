/**
 * Why the embedded PostgreSQL cannot run, as one sentence that says what to do about it.
 * `reason` is for code: `port-taken` may be tried again on another port.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
  readonly code = "HEDDLE_EMBEDDED_POSTGRES";
  readonly reason:
    | "unsupported-platform"
    | "not-traversable"
    | "not-owner"
    | "other-version"
    | "disk-full"
    | "port-taken"
    | "no-user"
    | "failed";
  constructor(reason: EmbeddedPostgresError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The one sentence for what initdb or postgres last said; `said` is its output or log. */
export function explainFailure(said: string, subject: { dataDir: string; port: number }) {
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new EmbeddedPostgresError(
      "disk-full",
      `the disk that holds ${subject.dataDir} is full; free some space or set HEDDLE_HOME to another disk`,
    );
  }
  if (/Address already in use/.test(said)) {
    return new EmbeddedPostgresError(
      "port-taken",
      `port ${subject.port} (embedded PostgreSQL) is taken by another program; choose another with HEDDLE_DATABASE_PORT=<port>`,
    );
  }
  if (/could not look up effective user ID/.test(said)) {
    return new EmbeddedPostgresError(
      "no-user",
      "PostgreSQL needs to run as a user that /etc/passwd lists, and the current user id is not there; start Heddle as another user or set DATABASE_URL",
    );
  }
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const fatal = lines.findLast((line) => /FATAL|PANIC|error/i.test(line)) ?? lines.at(-1) ?? "";
  const cause = fatal.replace(/^.*?(FATAL|PANIC|ERROR|error):\s*/, "").trim();
  return new EmbeddedPostgresError(
    "failed",
    `the embedded PostgreSQL did not start: ${cause === "" ? "it said nothing" : cause}`,
  );
}
