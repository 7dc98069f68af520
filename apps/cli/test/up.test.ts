import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { waitFor } from "@heddle/testkit";
import { databasePid, heddleOnce, isAlive, newUpEnv, pidsOf, startUp } from "./up-process.ts";

test("an empty mesh starts, answers, and is gone without a trace within 5 s of Ctrl-C", async (t) => {
  const env = await newUpEnv(t);
  const home = env["HEDDLE_HOME"] ?? "";
  const up = await startUp(env, "--no-demo");
  assert.match(up.stdout, new RegExp(`http://127.0.0.1:${env["HEDDLE_CONSOLE_PORT"]}/login`));
  for (const file of ["secrets.json", "credentials.json"]) {
    assert.equal(statSync(join(home, file)).mode & 0o777, 0o600, file);
  }
  const check = await heddleOnce(["check", "-o", "json"], env);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  const graph = await heddleOnce(["graph", "-o", "json"], env);
  assert.deepEqual(JSON.parse(graph.stdout).edges, []);

  const second = await heddleOnce(["up", "--no-demo"], env);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^heddle: heddle up already runs on .* \(process \d+\); .*\n$/);

  const pids = pidsOf(home);
  assert.deepEqual([...pids.keys()].sort(), ["collector", "console", "control-plane", "database"]);
  const startedMs = performance.now();
  up.child.kill("SIGINT");
  assert.deepEqual(await up.ended, { code: 0, signal: null });
  assert.ok(performance.now() - startedMs < 5000, `${performance.now() - startedMs} ms`);
  for (const [name, pid] of pids) assert.ok(!isAlive(pid), `${name} is still there`);
});

test("everything that is killed comes back, all at once, too", async (t) => {
  const env = await newUpEnv(t);
  const home = env["HEDDLE_HOME"] ?? "";
  await startUp(env, "--no-demo");
  const before = pidsOf(home);
  for (const pid of before.values()) process.kill(pid, "SIGKILL");
  await waitFor("all are back", 60_000, async () => {
    const check = await heddleOnce(["check"], env);
    return check.code === 0;
  });
  for (const [name, pid] of pidsOf(home)) assert.notEqual(pid, before.get(name), name);
});

test("after kill -9 of `up` the next one takes over the database it left behind", async (t) => {
  const env = await newUpEnv(t);
  const home = env["HEDDLE_HOME"] ?? "";
  const killed = await startUp(env, "--no-demo");
  const orphan = databasePid(home);
  const others = [...pidsOf(home)].filter(([name]) => name !== "database");
  killed.child.kill("SIGKILL");
  await killed.ended;
  const next = await startUp(env, "--no-demo");
  assert.match(next.stdout, /which was still running/);
  assert.equal(databasePid(home), orphan);
  for (const [name, pid] of others) assert.ok(!isAlive(pid), `the killed one's ${name} has ended`);
});

test("a taken port is one sentence that names holder and variable", async (t) => {
  const env = await newUpEnv(t);
  const holder = createServer();
  await new Promise<void>((resolve) =>
    holder.listen(Number(env["HEDDLE_OTLP_PORT"]), "127.0.0.1", () => resolve()),
  );
  t.after(() => holder.close());
  const { code, stderr } = await heddleOnce(["up", "--no-demo"], env);
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(
      `^heddle: port ${env["HEDDLE_OTLP_PORT"]} \\(collector, OTLP\\) is taken by .*\\(process ${process.pid}\\); choose another with HEDDLE_OTLP_PORT=<port>\\n$`,
    ),
  );
});

test("bad variables are all named at once, with what was meant and what is allowed", async (t) => {
  const env = { ...(await newUpEnv(t)), HEDDLE_CONSOL_PORT: "1", HEDDLE_OTLP_PORT: "many" };
  const { code, stderr } = await heddleOnce(["up"], env);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "HEDDLE_CONSOL_PORT: unknown variable; did you mean HEDDLE_CONSOLE_PORT?\n" +
      'HEDDLE_OTLP_PORT: expected a port, 0 to 65535 (is "many")\n',
  );
});

test("a database that cannot be reached is one sentence without its password", async (t) => {
  const env = await newUpEnv(t);
  const url = `postgresql://me:topsecret@127.0.0.1:${env["HEDDLE_DATABASE_PORT"]}/mesh`;
  const { code, stderr, stdout } = await heddleOnce(["up", "--no-demo"], {
    ...env,
    DATABASE_URL: url,
  });
  assert.equal(code, 1);
  assert.match(stderr, /^heddle: cannot use the database postgresql:\/\/me@127.*nothing listens/);
  assert.doesNotMatch(stderr + stdout, /topsecret/);
});

test("a home that holds other things is refused", async (t) => {
  const env = await newUpEnv(t);
  const home = join(env["HEDDLE_HOME"] ?? "", "someone");
  mkdirSync(home);
  writeFileSync(join(home, "thesis.tex"), "");
  const { code, stderr } = await heddleOnce(["up"], {
    ...env,
    HEDDLE_HOME: home,
  });
  assert.equal(code, 1);
  assert.match(stderr, /^heddle: .*someone \(HEDDLE_HOME\) is not empty and not Heddle's/);
});
