import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EmbeddedPostgresError, startEmbeddedPostgres } from "@heddle/store";
import { findFreePorts } from "@heddle/testkit";
import pg from "pg";

async function newOptions(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "heddle-embedded-"));
  chmodSync(dir, 0o711);
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    dataDir: join(dir, "postgres"),
    port: await freePort(),
    password: "p@ss word/1",
    logFile: join(dir, "postgres.log"),
    settings: { fsync: "off", shared_buffers: "16MB" },
  };
}

async function freePort(): Promise<number> {
  const [port = 0] = await findFreePorts(1);
  return port;
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query({ text: sql, rowMode: "array" });
  await client.end();
  return (rows as unknown[][])[0]?.[0];
}

function isReason(reason: EmbeddedPostgresError["reason"], pattern: RegExp) {
  return (error: unknown) =>
    error instanceof EmbeddedPostgresError &&
    error.reason === reason &&
    pattern.test(error.message);
}

test("keeps its data over a clean stop and leaves no process behind", async (t) => {
  const options = await newOptions(t);
  const first = await startEmbeddedPostgres(options);
  await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS n");
  await first.stop();
  await first.ended;
  assert.throws(() => process.kill(first.pid, 0), { code: "ESRCH" });
  const second = await startEmbeddedPostgres(options);
  t.after(() => second.stop());
  assert.equal(await ask(second.url, "SELECT n FROM kept"), 42);
  assert.equal(await ask(second.url, "SHOW jit"), "off");
});

test("refuses a connection with a wrong password", async (t) => {
  const options = await newOptions(t);
  const server = await startEmbeddedPostgres(options);
  t.after(() => server.stop());
  await assert.rejects(ask(server.url.replace(/:[^:@]+@/, ":wrong@"), "SELECT 1"), {
    code: "28P01",
  });
});

test("adopts the server that a killed parent left behind", async (t) => {
  const options = await newOptions(t);
  const parent = `
    import { startEmbeddedPostgres } from "@heddle/store";
    const { pid } = await startEmbeddedPostgres(${JSON.stringify(options)});
    process.stdout.write(String(pid));
    process.kill(process.pid, "SIGKILL");`;
  let orphan = 0;
  try {
    execFileSync(process.execPath, ["--input-type=module", "-e", parent], {
      cwd: import.meta.dirname,
      encoding: "utf8",
    });
  } catch (error) {
    orphan = Number((error as { stdout: string }).stdout);
  }
  const server = await startEmbeddedPostgres(options);
  t.after(() => server.stop());
  assert.ok(server.isAdopted);
  assert.equal(server.pid, orphan);
  assert.equal(await ask(server.url, "SELECT 1"), 1);
  await server.stop();
  await server.ended;
});

test("moves an orphan to the port that is asked for now", async (t) => {
  const options = await newOptions(t);
  const before = await startEmbeddedPostgres(options);
  const moved = await startEmbeddedPostgres({ ...options, port: await freePort() });
  t.after(() => moved.stop());
  assert.equal(moved.isAdopted, false);
  await before.ended;
  assert.equal(await ask(moved.url, "SELECT 1"), 1);
});

test("starts again after kill -9 of the server", async (t) => {
  const options = await newOptions(t);
  const killed = await startEmbeddedPostgres(options);
  process.kill(killed.pid, "SIGKILL");
  await killed.ended;
  const again = await startEmbeddedPostgres(options);
  t.after(() => again.stop());
  assert.equal(await ask(again.url, "SELECT 1"), 1);
});

test("names the variable that chooses another port when its port is taken", async (t) => {
  const options = await newOptions(t);
  const holder = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => holder.listen(options.port, "127.0.0.1", () => resolve()));
  t.after(() => holder.close());
  await assert.rejects(
    startEmbeddedPostgres(options),
    isReason("port-taken", /^port \d+ .*HEDDLE_DATABASE_PORT=<port>$/),
  );
});

test("says which version made a data folder that it cannot open", async (t) => {
  const options = await newOptions(t);
  mkdirSync(options.dataDir);
  writeFileSync(join(options.dataDir, "PG_VERSION"), "15\n");
  await assert.rejects(
    startEmbeddedPostgres(options),
    isReason("other-version", /made by PostgreSQL 15, and this is 18/),
  );
});

test("under root names the folder that the server's user may not enter", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async (t) => {
  const options = await newOptions(t);
  chmodSync(options.dir, 0o700);
  await assert.rejects(
    startEmbeddedPostgres(options),
    isReason("not-traversable", new RegExp(`may not enter ${options.dir} on the way`)),
  );
});
