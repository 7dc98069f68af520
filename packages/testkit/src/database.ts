import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createDatabase,
  dropDatabase,
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  migrate,
  startEmbeddedPostgres,
} from "@heddle/store";
import { findFreePorts } from "./free-ports.ts";
import type { Scope } from "./scope.ts";

const MIGRATIONS_DIR = fileURLToPath(new URL("../../../prisma/migrations", import.meta.url));
const SERVER_DIR_PREFIX = "heddle-test-postgres-";

export type TestDatabase = { readonly url: string };

/** A PostgreSQL server of a test's own, to be stopped or killed while others go on. */
export type TestDatabaseServer = TestDatabase & {
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  /** Starts it again on the same port and data, after it was stopped or killed. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

/** A fresh, migrated database on the server this test process shares; dropped when `t` ends. */
export async function startDatabase(t: Scope): Promise<TestDatabase> {
  const { server } = await sharedServer();
  const name = `test_${randomBytes(8).toString("hex")}`;
  await createDatabase(server.url, name);
  t.after(() => dropDatabase(server.url, name));
  const url = server.url.replace(/\/heddle$/, `/${name}`);
  await migrate(url, MIGRATIONS_DIR);
  return { url };
}

/** A migrated database on a server of its own; stopped and removed when `t` ends. */
export async function startDatabaseServer(t: Scope): Promise<TestDatabaseServer> {
  const launched = await launchServer();
  let { server } = launched;
  t.after(async () => {
    await server.stop();
    rmSync(launched.dir, { recursive: true, force: true });
  });
  await migrate(server.url, MIGRATIONS_DIR);
  return {
    url: server.url,
    port: launched.port,
    dataDir: join(launched.dir, "data"),
    get pid() {
      return server.pid;
    },
    restart: async () => {
      server = await launched.start();
    },
    stop: () => server.stop(),
  };
}

type LaunchedServer = {
  readonly dir: string;
  readonly port: number;
  readonly server: EmbeddedPostgres;
  start(): Promise<EmbeddedPostgres>;
};

let shared: Promise<LaunchedServer> | undefined;

function sharedServer(): Promise<LaunchedServer> {
  shared ??= launchServer().then((launched) => {
    // The last moment of the test process; only synchronous work is left to it, and the data is
    // worth nothing, so the server may go without a checkpoint.
    process.once("exit", () => endNow(launched.server.pid, launched.dir));
    return launched;
  });
  return shared;
}

async function launchServer(): Promise<LaunchedServer> {
  removeAbandoned();
  const dir = mkdtempSync(join(tmpdir(), SERVER_DIR_PREFIX));
  chmodSync(dir, 0o711); // under root the server is another user, who must get in
  writeFileSync(join(dir, "owner"), String(process.pid));
  const password = randomBytes(16).toString("hex");
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await findFreePorts(1);
    const start = () =>
      startEmbeddedPostgres({
        dataDir: join(dir, "data"),
        port,
        password,
        logFile: join(dir, "log"),
        settings: { fsync: "off", shared_buffers: "32MB", max_wal_size: "256MB" },
      });
    try {
      return { dir, port, server: await start(), start };
    } catch (error) {
      const isTaken = error instanceof EmbeddedPostgresError && error.reason === "port-taken";
      if (!isTaken || attempt === 5) throw error;
    }
  }
}

/** Servers whose test process was killed before it could end them. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(SERVER_DIR_PREFIX)) continue;
    const dir = join(tmpdir(), name);
    const owner = Number(readOptional(join(dir, "owner")));
    if (owner === 0 || exists(owner)) continue;
    const pid = Number(readOptional(join(dir, "data/postmaster.pid"))?.split("\n")[0]);
    const isOurs = readOptional(`/proc/${pid}/cmdline`)?.includes(dir) === true;
    endNow(isOurs ? pid : 0, dir);
  }
}

function endNow(pid: number, dir: string): void {
  if (pid > 0 && exists(pid)) {
    process.kill(pid, "SIGQUIT");
    const clock = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + 2000;
    while (exists(pid) && performance.now() < deadline) Atomics.wait(clock, 0, 0, 10);
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/s.test(readOptional(`/proc/${pid}/stat`) ?? "");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // another process has cleaned up at the same time
  }
}
