import assert from "node:assert/strict";
import { test } from "node:test";
import { startDatabase, startDatabaseServer } from "@heddle/testkit";
import pg from "pg";

async function tableNames(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  await client.end();
  return rows.map((row) => row.name);
}

test("each database is migrated and empty of another's tables", async (t) => {
  const [one, two] = [await startDatabase(t), await startDatabase(t)];
  assert.notEqual(one.url, two.url);
  assert.ok((await tableNames(one.url)).includes("_prisma_migrations"));
});

test("a server of its own comes back with its data after kill -9", async (t) => {
  const server = await startDatabaseServer(t);
  process.kill(server.pid, "SIGKILL");
  await server.restart();
  assert.ok((await tableNames(server.url)).includes("_prisma_migrations"));
});
