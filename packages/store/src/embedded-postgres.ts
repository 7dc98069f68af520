import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { findBinaries, type PostgresBinaries } from "./embedded-postgres-binaries.ts";
import { EmbeddedPostgresError, explainFailure } from "./embedded-postgres-error.ts";
import { findPostmaster, stopServer, waitForEnd } from "./embedded-postgres-process.ts";
import { chooseServerUser, findBarrier, type ServerUser } from "./embedded-postgres-user.ts";

const SUPERUSER = "heddle";
const DATABASE = "heddle";
/** An empty cluster takes 39 MB, and the first WAL segments as much again. */
const MIN_FREE_BYTES = 200 * 1024 * 1024;
/** Recovery after a crash replays up to max_wal_size; a start without it takes 50 ms. */
const START_TIMEOUT_MS = 60_000;
const RETRY_MS = 20;

export type EmbeddedPostgresOptions = {
  /** Made by initdb when missing; belongs to the server alone. */
  readonly dataDir: string;
  /** On 127.0.0.1. Below 32768: above, a client socket of any program may sit on it. */
  readonly port: number;
  readonly password: string;
  readonly logFile: string;
  /** More server settings, e.g. `{ fsync: "off" }` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
};

export type EmbeddedPostgres = {
  readonly url: string;
  readonly pid: number;
  /** It was already running: an earlier parent was killed and left it behind. */
  readonly isAdopted: boolean;
  /** Resolves when the server ends, whoever ended it. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
};

/**
 * Runs a real PostgreSQL from its npm package. A healthy server that an earlier parent left behind on
 * the same folder and port is adopted, another one on that folder is stopped first.
 * Throws `EmbeddedPostgresError`, one sentence each: port taken, disk full, other version, no way in.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { dataDir, port } = options;
  const url = databaseUrl(options, DATABASE);
  const adopted = await adopt(options, url);
  if (adopted) return adopted;

  mkdirSync(dirname(dataDir), { recursive: true });
  const user = chooseServerUser(dataDir);
  requireWayIn(dataDir, user);
  const binaries = findBinaries(dataDir, user);
  if (!existsSync(join(dataDir, "PG_VERSION"))) initialize(options, binaries, user);
  requireVersion(dataDir, binaries.majorVersion);

  const child = await launch(options, binaries, user);
  await ensureDatabase(options);
  const pid = child.pid;
  if (pid === undefined) throw explainFailure("", { dataDir, port });
  return {
    url,
    pid,
    isAdopted: false,
    ended: new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once("exit", () => resolve());
    }),
    stop: () => stopServer(pid),
  };
}

/** The pid of the live server of a data folder, whoever started it. */
export function findEmbeddedPostgresPid(dataDir: string): number | undefined {
  return findPostmaster(dataDir)?.pid;
}

async function adopt(
  options: EmbeddedPostgresOptions,
  url: string,
): Promise<EmbeddedPostgres | undefined> {
  const running = findPostmaster(options.dataDir);
  if (!running) return undefined;
  const { pid } = running;
  if (running.port !== options.port || !(await answers(url))) {
    await stopServer(pid);
    findPostmaster(options.dataDir); // a killed server leaves its pid file, which would block ours
    return undefined;
  }
  return {
    url,
    pid,
    isAdopted: true,
    ended: waitForEnd(pid, Number.POSITIVE_INFINITY).then(() => undefined),
    stop: () => stopServer(pid),
  };
}

async function answers(url: string): Promise<boolean> {
  const client = newClient(url);
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false; // whatever the reason, such a server is stopped and started anew
  } finally {
    await client.end().catch(() => undefined);
  }
}

function requireWayIn(dataDir: string, user: ServerUser | undefined): void {
  if (user === undefined) return;
  const barrier = findBarrier(dirname(dataDir), user);
  if (barrier === undefined) return;
  throw new EmbeddedPostgresError(
    "not-traversable",
    `PostgreSQL does not run as root but as ${user.name}, who may not enter ${barrier} on the way to ${dataDir}; run \`chmod o+x ${barrier}\`, or set HEDDLE_HOME to a folder everyone can reach (such as /var/lib/heddle), or start Heddle as an ordinary user`,
  );
}

function requireVersion(dataDir: string, majorVersion: string): void {
  const found = readFileSync(join(dataDir, "PG_VERSION"), "utf8").trim();
  if (found === majorVersion) return;
  throw new EmbeddedPostgresError(
    "other-version",
    `${dataDir} was made by PostgreSQL ${found}, and this is ${majorVersion}; move that folder away to start empty, or open it with a PostgreSQL ${found} and set DATABASE_URL`,
  );
}

/** Into a folder beside, renamed when complete, so that a killed initdb leaves nothing half-made. */
function initialize(
  options: EmbeddedPostgresOptions,
  binaries: PostgresBinaries,
  user: ServerUser | undefined,
): void {
  const { dataDir } = options;
  const { bavail, bsize } = statfsSync(dirname(dataDir));
  if (bavail * bsize < MIN_FREE_BYTES) {
    throw explainFailure("No space left on device", options);
  }
  const partial = `${dataDir}.initializing`;
  const passwordFile = `${dataDir}.password`;
  rmSync(partial, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  try {
    mkdirSync(partial, { mode: 0o700 });
    writeFileSync(passwordFile, options.password, { mode: 0o600 });
    if (user) {
      chownSync(partial, user.uid, user.gid);
      chownSync(passwordFile, user.uid, user.gid);
    }
    const args = [
      `--pgdata=${partial}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
    ];
    const result = spawnSync(binaries.initdb, args, {
      ...processOptions(binaries, user, dirname(dataDir)),
      encoding: "utf8",
    });
    if (result.status !== 0) {
      throw explainFailure(
        `${result.error?.message ?? ""}\n${result.stdout}\n${result.stderr}`,
        options,
      );
    }
    renameSync(partial, dataDir);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Starts the server and waits until it takes queries. */
async function launch(
  options: EmbeddedPostgresOptions,
  binaries: PostgresBinaries,
  user: ServerUser | undefined,
): Promise<ChildProcess> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const log = openSync(options.logFile, "a", 0o600);
    const logStart = fstatSync(log).size;
    const child = spawn(binaries.postgres, serverArguments(options), {
      ...processOptions(binaries, user, options.dataDir),
      stdio: ["ignore", log, log],
      // Its own process group: Ctrl-C in a terminal must reach the parent alone, which ends the
      // server after those that use it.
      detached: true,
    });
    closeSync(log);
    child.unref();
    const failure = await waitUntilReady(child, options, logStart, deadline);
    if (failure === undefined) return child;
    if (child.pid !== undefined) await stopServer(child.pid);
    // The backends of a killed server need a moment to notice that it is gone.
    const isStillEnding = /pre-existing shared memory block/.test(failure);
    if (!isStillEnding || performance.now() > deadline) throw explainFailure(failure, options);
    await pause();
  }
}

/** `undefined`: it takes queries. Otherwise what it said before it ended or time was up. */
async function waitUntilReady(
  child: ChildProcess,
  options: EmbeddedPostgresOptions,
  logStart: number,
  deadline: number,
): Promise<string | undefined> {
  const state: { launchError?: string } = {};
  child.once("error", (error) => {
    state.launchError = error.message;
  });
  const failure = () => {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const said = () => readFileSync(options.logFile).subarray(logStart).toString("utf8");
    return state.launchError ?? (hasEnded ? said() : undefined);
  };
  const url = databaseUrl(options, "postgres");
  for (;;) {
    const refusal = await refusalOf(url);
    const failed = failure();
    if (failed !== undefined) return failed;
    if (refusal === undefined) return undefined;
    if (performance.now() > deadline) return `error: not ready after ${START_TIMEOUT_MS / 1000} s`;
    if (refusal === "28P01") return "error: the password in secrets.json is not this database's";
    await pause();
  }
}

/** The code a connection is refused with; `undefined`: it was not. */
async function refusalOf(url: string): Promise<string | undefined> {
  const client = newClient(url);
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  } finally {
    await client.end().catch(() => undefined);
  }
}

function serverArguments(options: EmbeddedPostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(options.port),
    unix_socket_directories: "",
    password_encryption: "scram-sha-256",
    max_connections: "100",
    shared_buffers: "128MB",
    jit: "off", // compiling costs more than our short queries gain
    max_wal_size: "1GB", // bounds recovery after a crash
    wal_level: "minimal", // no replicas
    max_wal_senders: "0",
    timezone: "UTC",
    log_timezone: "UTC",
    ...options.settings,
  };
  return [
    "-D",
    options.dataDir,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

function processOptions(binaries: PostgresBinaries, user: ServerUser | undefined, cwd: string) {
  const loaderPath = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
  return {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", [loaderPath]: binaries.libDir },
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  };
}

async function ensureDatabase(options: EmbeddedPostgresOptions): Promise<void> {
  await createDatabase(databaseUrl(options, "postgres"), DATABASE);
}

/** Creates an empty database on the server of `adminUrl` unless there is one of that name. */
export async function createDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  });
}

/** Drops a database and ends the sessions that use it; none of that name is fine. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
  });
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = newClient(url);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

function newClient(url: string): pg.Client {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on("error", () => undefined); // the server may die while we hang up; the caller sees it elsewhere
  return client;
}

function databaseUrl(options: EmbeddedPostgresOptions, database: string): string {
  return `postgresql://${SUPERUSER}:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/${database}`;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}
