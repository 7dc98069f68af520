import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { ReplicasResponse } from "@heddle/contracts";
import { findFreePorts, waitFor } from "@heddle/testkit";
import { type Env, HeddleProcess, heddleOnce, newUpEnv, pidsOf } from "./up-process.ts";

const PATIENCE_MS = 170_000;

type Event = {
  readonly event: string;
  readonly at: string;
  readonly process?: string;
  readonly state?: string;
  readonly [about: string]: unknown;
};

/** All whole lines, each of which has to be an object. */
function eventsIn(text: string): Event[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function untilSaid(
  running: HeddleProcess,
  stream: "stdout" | "stderr",
  is: (event: Event) => boolean,
): Promise<Event> {
  const find = () => eventsIn(running[stream]).find(is);
  await waitFor("the event or the end", PATIENCE_MS, () => find() ?? running.hasEnded);
  const found = find();
  assert.ok(found, `${running.stdout}${running.stderr}`);
  return found;
}

suite("commands that say what happens as objects, with two control planes", () => {
  let env: Env;
  let up: HeddleProcess;
  const cleanups: (() => Promise<void>)[] = [];
  before(async () => {
    env = await newUpEnv({ after: (clean) => cleanups.push(clean) });
    up = new HeddleProcess(["up", "--no-demo", "--control-planes", "2", "-o", "json"], env);
    await untilSaid(up, "stdout", ({ event }) => event === "ready");
  });

  after(async () => {
    for (const clean of cleanups) await clean();
  });

  const replicas = async () => {
    const { code, stdout, stderr } = await heddleOnce(["replicas", "-o", "json"], env);
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as ReplicasResponse).replicas.filter(({ isAlive }) => isAlive);
  };

  test("`up` says each step, then where everything is", async () => {
    const events = eventsIn(up.stdout);
    const steps = events.filter(({ event }) => event === "step");
    assert.deepEqual(
      steps.map(({ step, of }) => [step, of]),
      [1, 2, 3].map((step) => [step, 3]),
    );
    const ready = events.at(-1);
    assert.ok(ready);
    const link = `http://127.0.0.1:${env["HEDDLE_CONSOLE_PORT"]}/login?token=`;
    assert.ok(String(ready["loginLink"]).startsWith(link));
    const planes = ready["controlPlanes"] as { name: string; address: string }[];
    assert.deepEqual(
      planes.map(({ name }) => name),
      ["control-plane", "control-plane-2"],
    );
    // Each hears of the other by the database, some moments after both are ready.
    await waitFor("both to live", PATIENCE_MS, async () => (await replicas()).length === 2);
    assert.deepEqual(
      (await replicas()).map(({ controlAddress }) => controlAddress).toSorted(),
      planes.map(({ address }) => address).toSorted(),
    );
  });

  test("a control plane that is killed is started again, and nobody who asks meanwhile is turned away", async () => {
    const said = eventsIn(up.stdout).length;
    const since = () => eventsIn(up.stdout).slice(said);
    const pid = pidsOf(env["HEDDLE_HOME"] ?? "").get("control-plane") ?? 0;
    process.kill(pid, "SIGKILL");
    const isBack = () =>
      since().some((one) => one.process === "control-plane" && one.state === "back");
    let asked = 0;
    do {
      const { code, stderr } = await heddleOnce(["get", "workloads"], env);
      assert.equal(code, 0, stderr);
      asked += 1;
    } while (!isBack());
    assert.ok(asked > 0);
    const changes = since().map(({ process: name, state }) => `${name} ${state}`);
    assert.deepEqual(changes.slice(0, 2), ["control-plane ended", "control-plane back"]);
    await waitFor("both to live", PATIENCE_MS, async () => (await replicas()).length === 2);
    const { stdout } = await heddleOnce(["replicas"], env);
    assert.match(stdout, /^REPLICA +HOST +STATE .*DUTIES\n/);
    assert.equal(stdout.match(/ alive /g)?.length, 2, stdout);
    assert.equal(stdout.match(/ \(answers\) /g)?.length, 1, stdout);
  });

  test("`run` says on stderr where its app is in the mesh, and how that ended; stdout is the app's", async () => {
    const [port = 0] = await findFreePorts(1);
    const app = `console.log("served"); require("http").createServer((q, s) => process.exit(3)).listen(${port}, "127.0.0.1")`;
    const args = ["run", "-o", "json", "--service", "hello", "--port", `${port}:http`];
    const run = new HeddleProcess([...args, "--", process.execPath, "-e", app], env);
    const ready = await untilSaid(run, "stderr", ({ event }) => event === "ready");
    assert.deepEqual([ready["namespace"], ready["workload"]], ["default", "hello"]);
    assert.ok(Number(ready["inboundPort"]) > 0);
    await waitFor("the app serves", PATIENCE_MS, () => run.stdout === "served\n");
    const ask = () => fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
    await waitFor("the app to end", PATIENCE_MS, async () => {
      await ask();
      return run.hasEnded;
    });
    assert.equal(eventsIn(run.stderr).at(-1)?.["code"], 3);
    assert.equal((await run.ended).code, 3);
  });

  test("`proxy` says its ports, and its exit", async () => {
    const created = await heddleOnce(["token", "create", "-n", "default", "-o", "json"], env);
    assert.equal(created.code, 0, created.stderr);
    const home = env["HEDDLE_HOME"] ?? "";
    const file = join(home, "caller.json");
    const workloads = [{ namespace: "default", service: "caller" }];
    writeFileSync(file, JSON.stringify({ name: "caller", workloads, adminPort: 0 }));
    const ready = eventsIn(up.stdout).find(({ event }) => event === "ready");
    const planes = ready?.["controlPlanes"] as { address: string }[];
    const proxy = new HeddleProcess(["proxy", "--config", file, "-o", "json"], {
      PATH: env["PATH"] ?? "",
      HEDDLE_HOME: home,
      HEDDLE_DATA_DIR: join(home, "caller"),
      HEDDLE_JOIN_TOKEN: JSON.parse(created.stdout).token,
      HEDDLE_CONTROL_PLANE: planes.map(({ address }) => address).join(),
    });
    const { workloads: hosted } = await untilSaid(
      proxy,
      "stdout",
      ({ event }) => event === "ready",
    );
    assert.equal((hosted as { workload: string }[])[0]?.workload, "caller");
    proxy.child.kill("SIGTERM");
    await proxy.ended;
    assert.deepEqual(
      eventsIn(proxy.stdout).map(({ event }) => event),
      ["ready", "exit"],
    );
  });

  test("what stops a command is said as an object, too", async () => {
    const again = await heddleOnce(["up", "-o", "json"], env);
    assert.equal(again.code, 1);
    const [said] = eventsIn(again.stdout);
    assert.equal(said?.event, "error");
    assert.match(String(said?.["message"]), /^heddle up already runs/);
    const bad = ["run", "-o", "json", "--service", "No Name", "--", "true"];
    const run = await heddleOnce(bad, env);
    assert.equal(run.code, 1);
    assert.equal(eventsIn(run.stderr)[0]?.event, "error");
  });
});
