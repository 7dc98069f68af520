import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { RotationState, RotationsResponse, TokenCreateResponse } from "@heddle/contracts";
import { findFreePorts, startDatabase, waitFor } from "@heddle/testkit";
import { RotatingProxy } from "./rotating-proxy.ts";
import { AUTH_SECRET, tokenFor } from "./running-control-plane.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const SLOW_MS = 90_000;

/** A control plane in a process of its own, on ports of its own, that can be killed. */
class Killable {
  readonly controlPort: number;
  readonly #adminPort: number;
  readonly #databaseUrl: string;
  readonly #t: TestContext;
  #child: ChildProcess | undefined;

  private constructor(t: TestContext, databaseUrl: string, controlPort: number, adminPort: number) {
    this.#t = t;
    this.#databaseUrl = databaseUrl;
    this.controlPort = controlPort;
    this.#adminPort = adminPort;
  }

  static async start(t: TestContext, databaseUrl: string): Promise<Killable> {
    const [control = 0, admin = 0] = await findFreePorts(2);
    const plane = new Killable(t, databaseUrl, control, admin);
    await plane.start();
    return plane;
  }

  async start(): Promise<void> {
    const child = fork(MAIN, {
      env: {
        PATH: process.env["PATH"],
        HEDDLE_LOG_LEVEL: "fatal",
        DATABASE_URL: this.#databaseUrl,
        HEDDLE_AUTH_SECRET: AUTH_SECRET,
        HEDDLE_CA_SECRET: "ca-secret-of-the-tests-0123456789ab",
        HEDDLE_CONTROL_PORT: String(this.controlPort),
        HEDDLE_CONTROL_ADMIN_PORT: String(this.#adminPort),
      },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#t.after(() => child.kill("SIGKILL"));
    this.#child = child;
    await once(child, "message", { signal: AbortSignal.timeout(SLOW_MS) });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async call<Body>(method: string, path: string, body?: object): Promise<Body> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/api/v1${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await tokenFor("api", "admin")}`,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.equal(response.status, 200, `${method} ${path}`);
    return (await response.json()) as Body;
  }

  rotations(): Promise<RotationsResponse> {
    return this.call("GET", "/identity/rotations");
  }
}

test("a rotation whose control plane is killed in each of its steps goes on and ends, and nobody loses the mesh", async (t) => {
  const plane = await Killable.start(t, (await startDatabase(t)).url);
  const { token } = await plane.call<TokenCreateResponse>("POST", "/tokens", {
    namespace: "shop",
    maxUses: 10,
  });
  const proxies = [
    await RotatingProxy.join(t, plane.controlPort, token, "reviews-v1"),
    await RotatingProxy.join(t, plane.controlPort, token, "ratings-v1"),
  ];
  for (const proxy of proxies) {
    await waitFor("certificates", SLOW_MS, () => proxy.held.size === 2);
  }
  await plane.call<RotationState>("POST", "/identity/rotations", { of: "root", isStepwise: true });
  const seen: string[] = [];
  for (const step of ["trusting", "signing", "retiring"]) {
    const { current } = await plane.rotations();
    assert.equal(current?.step, step);
    seen.push(step);
    await plane.kill();
    await plane.start();
    const after = await plane.rotations();
    assert.equal(after.current?.step, step, "the step it stood at");
    for (const proxy of proxies) await proxy.reconnect(plane.controlPort);
    for (const one of proxies) for (const other of proxies) assert.ok(one.isBelievedBy(other));
    await waitFor(`readiness in ${step}`, SLOW_MS, async () => {
      const rotations = await plane.rotations();
      return rotations.current?.isReady;
    });
    await plane.call<RotationState>("POST", "/identity/rotations/advance", {});
  }
  const { current, past } = await plane.rotations();
  assert.equal(current, undefined);
  assert.equal(past[0]?.step, "done");
  for (const proxy of proxies) {
    assert.equal(proxy.believedRoots.length, 1);
    for (const other of proxies) assert.ok(proxy.isBelievedBy(other));
  }
});

test("two control planes on one database move one rotation on together", async (t) => {
  const { url } = await startDatabase(t);
  const first = await Killable.start(t, url);
  const second = await Killable.start(t, url);
  const join = async (plane: Killable, workload: string) => {
    const request = { namespace: "shop", maxUses: 1 };
    const { token } = await plane.call<TokenCreateResponse>("POST", "/tokens", request);
    return RotatingProxy.join(t, plane.controlPort, token, workload);
  };
  const proxies = [await join(first, "reviews-v1"), await join(second, "ratings-v1")];
  for (const proxy of proxies) {
    await waitFor("certificates", SLOW_MS, () => proxy.held.size === 2);
  }
  await first.call<RotationState>("POST", "/identity/rotations", { of: "root" });
  await waitFor("the end", SLOW_MS, async () => {
    const [{ current, past }, others] = await Promise.all([first.rotations(), second.rotations()]);
    assert.ok(past.length <= 1 && others.past.length <= 1);
    return current === undefined && others.current === undefined && past[0]?.step === "done";
  });
  await waitFor("belief", SLOW_MS, () =>
    proxies.every(
      (one) => one.believedRoots.length === 1 && proxies.every((x) => one.isBelievedBy(x)),
    ),
  );
});
