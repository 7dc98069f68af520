import pg from "pg";

/** What a link tells its owner. */
export type ReplicaLinkHandlers = {
  /** Connected, or connected again: what others said meanwhile was missed. */
  readonly onUp: () => void;
  /** The connection is lost; every lock with it. */
  readonly onDown: (error: Error) => void;
  /** Another control plane, or this one, has said this by `notify`. */
  readonly onNotice: (payload: string) => void;
};

/** The channel by which control planes over one database tell each other what has changed. */
export const REPLICA_CHANNEL = "heddle_control_plane";

const PING_EVERY_MS = 1_000;
const ANSWER_MS = 4_000;
/** An answer older than this proves nothing: the server may have given our locks to somebody else. */
const FRESH_MS = 5_000;
/** The server ends a session that says nothing for so long, and with it its locks. Well above `FRESH_MS`. */
const SERVER_PATIENCE_MS = 12_000;
const RETRY_MS = 250;
const MAX_RETRY_MS = 2_000;

// Any numbers; all control planes on one database take the same.
const PRESENCE_LOCKS = 1_748_291_104;
const SINGLETON_LOCKS = 1_748_291_105;

/**
 * One connection of its own to the database: listens to what other control planes say, and holds locks that
 * end with it. A killed process is therefore noticed, and its locks are free, as soon as the server sees the
 * connection end; one that hangs loses them after 12 s, and stops believing in them after 5.
 */
export class ReplicaLink {
  readonly #databaseUrl: string;
  readonly #replicaId: string;
  readonly #handlers: ReplicaLinkHandlers;
  readonly #locks = new Set<string>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(databaseUrl: string, replicaId: string, handlers: ReplicaLinkHandlers) {
    this.#databaseUrl = databaseUrl;
    this.#replicaId = replicaId;
    this.#handlers = handlers;
  }

  /** Connected, and the server has answered a moment ago. */
  get isUp(): boolean {
    return this.#client !== undefined && performance.now() - this.#answeredAt < FRESH_MS;
  }

  start(): void {
    void this.#connect();
  }

  /** Whether this process holds the lock of that name, now. */
  holds(name: string): boolean {
    return this.isUp && this.#locks.has(name);
  }

  /** Takes the lock if nobody has it. `false`: somebody has, or there is no connection. */
  async tryLock(name: string): Promise<boolean> {
    if (this.holds(name)) return true;
    const client = this.#client;
    const [row] = await this.#ask<{ isTaken: boolean }>(
      `SELECT pg_try_advisory_lock($1, hashtext($2)) AS "isTaken"`,
      [SINGLETON_LOCKS, name],
    );
    if (row?.isTaken !== true || client !== this.#client) return false;
    this.#locks.add(name);
    return true;
  }

  async unlock(name: string): Promise<void> {
    if (!this.#locks.delete(name)) return;
    await this.#ask(`SELECT pg_advisory_unlock($1, hashtext($2))`, [SINGLETON_LOCKS, name]);
  }

  /** Of these control planes, those whose connection lives, as the server sees it; it sees a killed one at once. */
  async findPresent(replicaIds: readonly string[]): Promise<string[]> {
    const rows = await this.#ask<{ id: string }>(
      `SELECT id FROM unnest($2::text[]) AS asked(id) JOIN pg_locks
         ON locktype = 'advisory' AND classid = $1 AND objid = (hashtext(id)::bigint & 4294967295)::oid
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [PRESENCE_LOCKS, replicaIds],
    );
    return rows.map(({ id }) => id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#locks.clear();
    await client?.end().catch(() => {}); // it is over either way
  }

  /** One question after the other. No rows where there is no connection, or it is lost by this. */
  #ask<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    const answer = this.#asking.then(() => this.#askNow<Row>(text, values));
    this.#asking = answer;
    return answer;
  }

  async #askNow<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    const client = this.#client;
    if (!client) return [];
    try {
      const { rows } = await client.query<Row>(text, values);
      if (client === this.#client) this.#answeredAt = performance.now();
      return rows;
    } catch (error) {
      this.#lost(client, error as Error);
      return [];
    }
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#databaseUrl,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      application_name: `heddle-control-plane ${this.#replicaId}`,
    });
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("the connection has ended")));
    client.on("notification", ({ payload }) => {
      if (client === this.#client && payload !== undefined) this.#handlers.onNotice(payload);
    });
    try {
      await client.connect();
      await endWhenSilent(client);
      await client.query(`LISTEN ${REPLICA_CHANNEL}`);
      await client.query(`SELECT pg_try_advisory_lock($1, hashtext($2))`, [
        PRESENCE_LOCKS,
        this.#replicaId,
      ]);
    } catch (error) {
      client.end().catch(() => {}); // it never was one
      return this.#retry(error as Error);
    }
    if (this.#isClosed) return void client.end().catch(() => {});
    this.#client = client;
    this.#answeredAt = performance.now();
    this.#retryMs = RETRY_MS;
    this.#timer = setTimeout(() => void this.#ping(), PING_EVERY_MS);
    this.#handlers.onUp();
  }

  async #ping(): Promise<void> {
    await this.#ask("SELECT 1", []);
    if (this.#client && !this.#isClosed) {
      this.#timer = setTimeout(() => void this.#ping(), PING_EVERY_MS);
    }
  }

  #lost(client: pg.Client, error: Error): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#locks.clear();
    clearTimeout(this.#timer);
    client.end().catch(() => {}); // with a question under way this cuts the connection
    this.#retry(error);
  }

  #retry(error: Error): void {
    if (this.#isClosed) return;
    this.#handlers.onDown(error);
    this.#timer = setTimeout(() => void this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }
}

/** PostgreSQL before 14 does not know that setting: there a session that hangs ends with its TCP connection. */
async function endWhenSilent(client: pg.Client): Promise<void> {
  const timeout = String(SERVER_PATIENCE_MS);
  try {
    await client.query(`SELECT set_config('idle_session_timeout', $1, false)`, [timeout]);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "42704") throw error; // undefined_object
  }
}
