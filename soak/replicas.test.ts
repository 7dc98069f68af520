// Two control planes over one database, one of them killed every two seconds while a hundred changes are made: no
// revision is lost or half there, every proxy ends on the newest one, and no request fails. HEDDLE_KILL_SECONDS
// makes it shorter or longer, HEDDLE_KILL_SEED repeats who was killed when.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type {
  ApplyResponse,
  ReplicasResponse,
  ResourcesResponse,
  RevisionDetail,
  RevisionsResponse,
  TokenCreateResponse,
} from "@heddle/contracts";
import { signToken } from "@heddle/runtime";
import {
  chainApps,
  findFreePorts,
  knownClient,
  type ProxyReady,
  readKnownLog,
  type Scope,
  type StartedProcess,
  startDatabase,
  startProcess,
  waitFor,
} from "@heddle/testkit";

const SECONDS = Number(process.env["HEDDLE_KILL_SECONDS"] ?? 60);
const SEED = Number(process.env["HEDDLE_KILL_SEED"] ?? randomInt(1, 2 ** 31));
const KILL_EVERY_MS = 2_000;
const CHANGES = Math.ceil((100 * SECONDS) / 60);
const CALLERS = 4;
const RATE = 50;
/** Machines that run other tests beside are slow. */
const PATIENCE_MS = 180_000;

type Ready = { readonly controlPort: number; readonly adminPort: number };

test(`one of two control planes is killed every 2 s for ${SECONDS} s during ${CHANGES} changes, and nothing is lost`, {
  timeout: SECONDS * 1000 + 3 * PATIENCE_MS,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const planes = await ControlPlanes.start(t);
  const folder = mkdtempSync(join(tmpdir(), "heddle-kills-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  await planes.change(rules(0));
  const { callers, log } = await startProxies(t, planes, folder);
  await waitFor("answers come", PATIENCE_MS, () =>
    readKnownLog(log).some(({ status }) => status === 200),
  );
  const startedMs = Date.now();

  const isOver = { now: false };
  const killing = planes.killAtRandom(isOver, startedMs + SECONDS * 1000);
  const revisions: number[] = [];
  for (let change = 1; change <= CHANGES; change++) {
    revisions.push(await planes.change(rules(change)));
    await until(startedMs + (change / CHANGES) * SECONDS * 1000);
  }
  isOver.now = true;
  const kills = await killing;
  await planes.allRunning();
  const last = await planes.change(rules(CHANGES + 1));

  for (const caller of callers) {
    await waitFor("every caller follows the newest rule", PATIENCE_MS, async () => {
      return (await markSeenBy(caller)) === String(CHANGES + 1);
    });
  }
  const texts = await planes.replay(0);
  for (const index of [0, 1]) {
    await waitFor(
      "both control planes know both, at the newest revision",
      PATIENCE_MS,
      async () => {
        const { replicas } = await planes.ask<ReplicasResponse>(index, "GET", "/replicas");
        const alive = replicas.filter(({ isAlive }) => isAlive);
        return alive.length === 2 && alive.every(({ revision }) => revision === last);
      },
    );
    const { resources } = await planes.ask<ResourcesResponse>(index, "GET", "/resources");
    const served = resources.map(({ kind, namespace, name, yaml }): [string, string] => [
      `${kind} ${namespace}/${name}`,
      yaml,
    ]);
    assert.deepEqual(Object.fromEntries(served), texts, "the log replays to what is served");
  }
  const requests = readKnownLog(log).filter(({ startMs }) => startMs >= startedMs);
  const failed = requests.filter(({ status }) => status !== 200);
  t.diagnostic(`${kills} kills, ${revisions.length} changes, ${requests.length} requests`);
  assert.deepEqual(failed.slice(0, 10), [], `${failed.length} of ${requests.length} failed`);
  assert.ok(kills >= SECONDS / 12, `only ${kills} kills`); // a slow machine takes long to start one again
});

/** Two control planes on ports that stay theirs, whoever is killed. */
class ControlPlanes {
  readonly #t: Scope;
  readonly #env: Readonly<Record<string, string>>;
  readonly #ports: readonly { readonly control: number; readonly admin: number }[];
  readonly #token: string;
  readonly #running: (StartedProcess<Ready> | undefined)[] = [];
  readonly #starting = new Set<Promise<void>>();
  readonly #draw = drawFrom(SEED);

  static async start(t: Scope): Promise<ControlPlanes> {
    const { url } = await startDatabase(t);
    const [controlA = 0, adminA = 0, controlB = 0, adminB = 0] = await findFreePorts(4);
    const secret = randomBytes(24).toString("hex");
    const admin = { name: "test", role: "admin", tokenId: randomUUID() } as const;
    const token = await signToken(secret, "api", admin, 3 * 3600, Date.now());
    const env = {
      DATABASE_URL: url,
      HEDDLE_AUTH_SECRET: secret,
      HEDDLE_CA_SECRET: randomBytes(24).toString("hex"),
      HEDDLE_LOG_LEVEL: "error",
    };
    const ports = [
      { control: controlA, admin: adminA },
      { control: controlB, admin: adminB },
    ];
    const planes = new ControlPlanes(t, env, ports, token);
    await Promise.all([planes.#start(0), planes.#start(1)]);
    return planes;
  }

  private constructor(
    t: Scope,
    env: Readonly<Record<string, string>>,
    ports: readonly { readonly control: number; readonly admin: number }[],
    token: string,
  ) {
    this.#t = t;
    this.#env = env;
    this.#ports = ports;
    this.#token = token;
  }

  /** For proxies: both, so that they turn to the other when one dies. */
  get addresses(): string {
    return this.#ports.map(({ control }) => `127.0.0.1:${control}`).join();
  }

  /** Kills one of those that run each two seconds, and starts it again; returns how many it were. */
  async killAtRandom(isOver: { readonly now: boolean }, untilMs: number): Promise<number> {
    let kills = 0;
    while (!isOver.now || Date.now() < untilMs) {
      await until(Date.now() + KILL_EVERY_MS);
      const running = [0, 1].filter((index) => this.#running[index] !== undefined);
      const drawn = running[Math.floor(this.#draw() * running.length)];
      if (drawn === undefined || (isOver.now && Date.now() >= untilMs)) continue;
      this.#running[drawn]?.child.kill("SIGKILL");
      this.#running[drawn] = undefined;
      kills += 1;
      const starting = this.#start(drawn);
      this.#starting.add(starting);
      void starting.finally(() => this.#starting.delete(starting));
    }
    return kills;
  }

  async allRunning(): Promise<void> {
    await Promise.all(this.#starting);
  }

  /**
   * Applies documents at one drawn at random, or at the other if that dies meanwhile: as anybody does who gets
   * no answer. Returns the newest revision then.
   */
  async change(yaml: string): Promise<number> {
    let index = this.#draw() < 0.5 ? 0 : 1;
    const { revision } = await waitFor(
      "a control plane takes the change",
      PATIENCE_MS,
      async () => {
        index = 1 - index;
        const answer = await this.#send(index, "POST", "/apply", { yaml });
        if (answer.status === 503) return undefined; // its database connection was cut, or it is starting
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        return answer.body as ApplyResponse;
      },
    );
    return revision;
  }

  async ask<Body>(index: number, method: string, path: string, body?: object): Promise<Body> {
    const answer = await this.#send(index, method, path, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body as Body;
  }

  /** What all revisions make of an empty mesh; each has to continue the one before. */
  async replay(index: number): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    const numbers: number[] = [];
    for (let before: number | undefined; ; ) {
      const query = before === undefined ? "" : `&before=${before}`;
      const page = await this.ask<RevisionsResponse>(index, "GET", `/revisions?limit=200${query}`);
      numbers.push(...page.revisions.map(({ revision }) => revision));
      before = page.nextBefore;
      if (before === undefined) break;
    }
    assert.ok(numbers.length > CHANGES, `${numbers.length} revisions`);
    for (const number of numbers.toReversed()) {
      const { changes } = await this.ask<RevisionDetail>(index, "GET", `/revisions/${number}`);
      for (const { kind, namespace, name, before, after } of changes) {
        const key = `${kind} ${namespace}/${name}`;
        assert.equal(texts[key], before, `${key} before revision ${number}`);
        if (after === undefined) delete texts[key];
        else texts[key] = after;
      }
    }
    return texts;
  }

  async #start(index: number): Promise<void> {
    const { control, admin } = this.#ports[index] ?? { control: 0, admin: 0 };
    this.#running[index] = await startProcess<Ready>(this.#t, "control-plane", [], {
      ...this.#env,
      HEDDLE_CONTROL_PORT: String(control),
      HEDDLE_CONTROL_ADMIN_PORT: String(admin),
    });
  }

  async #send(
    index: number,
    method: string,
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.#ports[index]?.admin}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${this.#token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, body: await response.json() };
  }
}

/** The rules of one change: two versions share the traffic, and each answer bears the change's number. */
function rules(change: number): string {
  const weight = 1 + (change % 99);
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - headers: {response: {set: {x-change: "${change}"}}}
    route:
    - {destination: {host: reviews, subset: v1}, weight: ${weight}}
    - {destination: {host: reviews, subset: v2}, weight: ${100 - weight}}
`;
}

/** Two versions of a service, callers of it, one of which calls all the time. */
async function startProxies(t: Scope, planes: ControlPlanes, folder: string) {
  const [v1 = 0, v2 = 0] = await findFreePorts(2);
  const serving = [
    { namespace: "shop", service: "reviews", version: "v1", appPort: v1, protocol: "http" },
    { namespace: "shop", service: "reviews", version: "v2", appPort: v2, protocol: "http" },
  ];
  run(t, chainApps, { CHAIN: JSON.stringify([{ port: v1 }, { port: v2 }]) });
  await startProxy(t, planes, folder, { name: "reviews", workloads: serving });
  const callers: StartedProcess<ProxyReady>[] = [];
  for (let caller = 1; caller <= CALLERS; caller++) {
    const name = `caller-${caller}`;
    const workloads = [{ namespace: "shop", service: name }];
    callers.push(await startProxy(t, planes, folder, { name, workloads }));
  }
  const log = join(folder, "requests.log");
  run(t, knownClient, {
    HEDDLE_OUTBOUND_URL: `http://127.0.0.1:${callers[0]?.ready.workloads[0]?.outboundPort}`,
    HOST_HEADER: "reviews",
    RATE: String(RATE),
    LOG_FILE: log,
  });
  return { callers, log };
}

async function startProxy(
  t: Scope,
  planes: ControlPlanes,
  folder: string,
  config: { readonly name: string; readonly workloads: readonly object[] },
): Promise<StartedProcess<ProxyReady>> {
  const { token } = await planes.ask<TokenCreateResponse>(0, "POST", "/tokens", {
    namespace: "shop",
    maxUses: 1,
  });
  const file = join(folder, `${config.name}.json`);
  writeFileSync(file, JSON.stringify(config));
  return startProcess<ProxyReady>(t, "proxy", ["--config", file], {
    HEDDLE_CONTROL_PLANE: planes.addresses,
    HEDDLE_JOIN_TOKEN: token,
    HEDDLE_DATA_DIR: join(folder, config.name),
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", // nobody counts here
    HEDDLE_LOG_LEVEL: "error",
    HEDDLE_MAX_LAG_MS: "20000",
  });
}

/** The number of the change whose rule a caller's sidecar follows. */
function markSeenBy({ ready }: StartedProcess<ProxyReady>): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port: ready.workloads[0]?.outboundPort,
        path: "/mark",
        headers: { host: "reviews" },
        signal: AbortSignal.timeout(20_000),
      },
      (response) => {
        response.resume();
        resolve(response.headers["x-change"]?.toString());
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

function run(t: Scope, [command = "", ...args]: readonly string[], env: Record<string, string>) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: "inherit" });
  t.after(() => void child.kill("SIGKILL"));
}

/** Mulberry32: the same seed, the same kills. */
function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function until(atMs: number): Promise<void> {
  const waitMs = Math.max(1, atMs - Date.now()) + PATIENCE_MS;
  await waitFor("its time comes", waitMs, () => Date.now() >= atMs);
}
