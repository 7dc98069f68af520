import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findFreePorts, startDatabase } from "@heddle/testkit";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

type Ready = { readonly type: "ready"; readonly controlPort: number; readonly adminPort: number };

function start(t: TestContext, env: Record<string, string>) {
  const child = fork(MAIN, {
    env: { PATH: process.env["PATH"], HEDDLE_LOG_LEVEL: "fatal", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exit = once(child, "exit").then(([code]) => ({ code: code as number | null, stderr }));
  return { child, exit };
}

async function environment(databaseUrl: string): Promise<Record<string, string>> {
  const [control = 0, admin = 0] = await findFreePorts(2);
  return {
    DATABASE_URL: databaseUrl,
    HEDDLE_AUTH_SECRET: "auth-secret-of-the-tests-0123456789",
    HEDDLE_CA_SECRET: "ca-secret-of-the-tests-0123456789ab",
    HEDDLE_CONTROL_PORT: String(control),
    HEDDLE_CONTROL_ADMIN_PORT: String(admin),
  };
}

test("the process serves, says so, and ends cleanly on SIGTERM", async (t) => {
  const env = await environment((await startDatabase(t)).url);
  const { child, exit } = start(t, env);
  const [ready] = (await once(child, "message", { signal: AbortSignal.timeout(60_000) })) as [
    Ready,
  ];
  assert.equal(ready.adminPort, Number(env["HEDDLE_CONTROL_ADMIN_PORT"]));
  const response = await fetch(`http://127.0.0.1:${ready.adminPort}/readyz`);
  assert.equal(response.status, 200);
  child.kill("SIGTERM");
  assert.equal((await exit).code, 0);
});

test("another CA secret than the database's is refused in one sentence", async (t) => {
  const env = await environment((await startDatabase(t)).url);
  const first = start(t, env);
  await once(first.child, "message", { signal: AbortSignal.timeout(60_000) });
  first.child.kill("SIGTERM");
  await first.exit;
  const second = start(t, { ...env, HEDDLE_CA_SECRET: "x".repeat(40) });
  const { code, stderr } = await second.exit;
  assert.equal(code, 1);
  assert.match(stderr, /^the certificate authority's key .* \[HEDDLE_CA_SECRET_MISMATCH\]\n$/);
});

test("a process without its settings names all of them", async (t) => {
  const { code, stderr } = await start(t, { HEDDLE_CONTROL_PORT: "0x", HEDDLE_CA_SECRT: "y" }).exit;
  assert.equal(code, 1);
  assert.match(stderr, /DATABASE_URL: required/);
  assert.match(stderr, /HEDDLE_AUTH_SECRET: required/);
  assert.match(stderr, /HEDDLE_CONTROL_PORT: expected a port/);
  assert.match(stderr, /HEDDLE_CA_SECRT: unknown variable; did you mean HEDDLE_CA_SECRET\?/);
});

test("a process whose database is away waits for it, says so, and can be stopped", async (t) => {
  const [port = 0] = await findFreePorts(1);
  const env = await environment(`postgresql://heddle@127.0.0.1:${port}/heddle`);
  const { child, exit } = start(t, env);
  const url = `http://127.0.0.1:${env["HEDDLE_CONTROL_ADMIN_PORT"]}/readyz`;
  const deadline = Date.now() + 60_000;
  let text = "";
  while (!text && Date.now() < deadline) {
    text = await fetch(url).then(
      (response) => response.text(),
      () => "",
    );
  }
  assert.equal(text, "waiting for the database\n");
  child.kill("SIGTERM");
  assert.equal((await exit).code, 0);
});
