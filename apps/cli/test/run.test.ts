import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, suite, test } from "node:test";
import { findFreePorts, waitFor } from "@heddle/testkit";
import { type Env, HeddleProcess, isAlive, newUpEnv, startUp } from "./up-process.ts";

/** Says where it is, answers everything, ends with 3 on SIGTERM. */
const HELLO = `
  require("http").createServer((q, s) => s.end("hello " + q.url)).listen(process.env.PORT, "127.0.0.1", () =>
    console.log("serving behind " + process.env.HEDDLE_OUTBOUND_URL));
  process.on("SIGTERM", () => process.exit(3));`;

/** A TCP port whose server begins, and another that speaks HTTP/2. */
const STORE = `
  const [tcp, http2] = process.argv.slice(1).map(Number);
  require("net").createServer((s) => { s.on("error", () => {}); s.write("store 1.0 "); s.pipe(s); }).listen(tcp, "127.0.0.1");
  require("http2").createServer((q, s) => s.end("version " + q.httpVersion)).listen(http2, "127.0.0.1", () => console.log("stored"));`;

/** Speaks to both through local ports, and says what it heard. */
const SHOPPER = `
  const [tcp, http2] = process.argv.slice(1).map(Number);
  let left = 50;
  const again = () => (left-- > 0 ? setTimeout(ask, 100) : process.exit(1));
  function ask() {
    const socket = require("net").connect(tcp, "127.0.0.1");
    let heard = "";
    socket.on("error", () => {});
    socket.on("close", () => (heard === "store 1.0 buy" ? askHttp2() : again()));
    socket.on("data", (bytes) => {
      heard += bytes;
      if (heard === "store 1.0 ") socket.end("buy");
    });
  }
  function askHttp2() {
    require("http").get({ port: http2, host: "127.0.0.1", headers: { host: "store" } }, (answer) => {
      answer.on("data", (bytes) => (String(bytes) === "version 2.0" ? process.exit(0) : again()));
    }).on("error", again);
  }
  ask();`;

function proxyPid(run: HeddleProcess): number {
  const children = readFileSync(`/proc/${run.child.pid}/task/${run.child.pid}/children`, "utf8");
  const pid = children
    .trim()
    .split(" ")
    .find((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes("apps/proxy"));
  assert.ok(pid, "the proxy runs under heddle run");
  return Number(pid);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket.end() !== undefined));
    socket.once("error", () => resolve(false));
  });
}

suite("heddle run", { skip: process.platform !== "linux" && "looks into /proc" }, () => {
  let env: Env;
  const cleanups: (() => Promise<void>)[] = [];
  // One mesh for all tests.
  before(async () => {
    env = await newUpEnv({ after: (clean) => cleanups.push(clean) });
    await startUp(env, "--no-demo");
  });

  after(async () => {
    for (const clean of cleanups) await clean();
  });

  async function runHello() {
    const [port = 0] = await findFreePorts(1);
    const args = ["run", "--service", "hello", "--port", String(port)];
    const run = new HeddleProcess([...args, "--", process.execPath, "-e", HELLO], env);
    const findPort = () => /serving behind http:\/\/127\.0\.0\.1:(\d+)/.exec(run.stdout)?.[1];
    await waitFor("hello serves or ends", 60_000, () => findPort() !== undefined || run.hasEnded);
    assert.ok(!run.hasEnded, run.stderr);
    return { run, outboundPort: Number(findPort()) };
  }

  test("the proxy takes connections before the command starts; its exit code is passed on", async () => {
    const script = `
      const { port } = new URL(process.env.HEDDLE_OUTBOUND_URL);
      require("net").connect(port, "127.0.0.1", () => process.exit(7)).on("error", () => process.exit(8));`;
    const args = ["run", "--service", "once", "--", process.execPath, "-e", script];
    const run = new HeddleProcess(args, env);
    assert.equal((await run.ended).code, 7, run.stderr);
    assert.match(run.stderr, /default\/once is in the mesh: inbound \d+, outbound \d+/);
  });

  test("a caller reaches a service by name through HTTP_PROXY, with no change to its code", async () => {
    await runHello();
    const script = `
      const ask = (left) => fetch("http://hello/there").then((r) => r.text()).then((text) =>
        text === "hello /there" ? process.exit(0) : left > 0 ? setTimeout(ask, 100, left - 1) : (console.log(text), process.exit(1)));
      ask(50);`;
    const args = ["run", "--service", "caller", "--", process.execPath, "-e", script];
    const run = new HeddleProcess(args, env);
    assert.equal((await run.ended).code, 0, run.stdout + run.stderr);
  });

  test("a service of several ports is reached on local ones, each by what it speaks", async () => {
    const [tcp = 0, http2 = 0, localTcp = 0, localHttp2 = 0] = await findFreePorts(4);
    const ports = ["--port", `${tcp}:tcp`, "--port", `${http2}:http2`];
    const store = new HeddleProcess(
      [
        "run",
        "--service",
        "store",
        ...ports,
        "--",
        process.execPath,
        "-e",
        STORE,
        `${tcp}`,
        `${http2}`,
      ],
      env,
    );
    await waitFor("the store is open", 60_000, () => store.stdout.includes("stored"));
    const outbounds = [`store:${tcp}=${localTcp}`, `store:${http2}=${localHttp2}`];
    const shopper = new HeddleProcess(
      [
        ...["run", "--service", "shopper"],
        ...outbounds.flatMap((outbound) => ["--outbound", outbound]),
        ...["--", process.execPath, "-e", SHOPPER, `${localTcp}`, `${localHttp2}`],
      ],
      env,
    );
    assert.equal((await shopper.ended).code, 0, shopper.stdout + shopper.stderr);
    store.child.kill("SIGTERM");
    await store.ended;
  });

  test("SIGTERM reaches the command, and the proxy goes after it", async () => {
    const { run } = await runHello();
    const proxy = proxyPid(run);
    run.child.kill("SIGTERM");
    assert.equal((await run.ended).code, 3, run.stderr);
    assert.ok(!isAlive(proxy));
  });

  test("a killed proxy comes back on its ports while the command lives on", async () => {
    const { run, outboundPort } = await runHello();
    const killed = proxyPid(run);
    process.kill(killed, "SIGKILL");
    await waitFor("the proxy is back", 30_000, async () => /is back/.test(run.stderr));
    assert.notEqual(proxyPid(run), killed);
    assert.ok(await accepts(outboundPort), "on the same port");
    assert.ok(!run.hasEnded);
  });

  test("a command that does not exist is one sentence, and leaves no proxy", async () => {
    const run = new HeddleProcess(["run", "--service", "none", "--", "no-such-command"], env);
    assert.equal((await run.ended).code, 127);
    assert.match(run.stderr, /heddle: cannot start no-such-command: there is no such command\n$/);
  });
});
