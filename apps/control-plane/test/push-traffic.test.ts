// Canaried pushes as real proxies see them: they count their own traffic, and the callers' own logs are held against it.
import assert from "node:assert/strict";
import { once } from "node:events";
import http, { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type {
  ApplyResponse,
  CanariedPush,
  ProxiesResponse,
  PushesResponse,
  RevisionsResponse,
} from "@heddle/contracts";
import { findFreePorts, type Mesh, startMesh, waitFor } from "@heddle/testkit";

const DEADLINE_MS = 90_000;
/** Long enough for a slow machine to see a bad change first. */
const WINDOW_MS = 15_000;
const PERIOD_MS = 50;
/** Nine proxies a change to the routes concerns, of two workloads. */
const CALLERS = [...Array<string>(5).fill("front"), ...Array<string>(4).fill("mobile")];
/** A busy machine is no reason to turn requests away here. */
const PATIENT = { HEDDLE_MAX_LAG_MS: "30000", HEDDLE_TRACE_SAMPLING: "0" };

type Seen = { readonly atMs: number; readonly status: number; readonly mark: string | undefined };

const routes = (http: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
    - ${http}
`;
const TO_REVIEWS = "route: [{ destination: { host: reviews } }]";
const marked = (mark: string) =>
  routes(`{ headers: { response: { set: { x-mark: ${mark} } } }, ${TO_REVIEWS} }`);
const ABORTED = routes(
  `{ fault: { abort: { httpStatus: 503, percentage: { value: 100 } } }, ${TO_REVIEWS} }`,
);
const TO_BROKEN = routes("route: [{ destination: { host: broken } }]");

/** An app behind its own proxy that answers everything with this status; returns its port. */
async function startApp(t: TestContext, status: number): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end("reviews\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An app that asks for reviews through its sidecar again and again, and keeps what came of it. */
class Caller {
  readonly name: string;
  readonly seen: Seen[] = [];
  readonly #outboundPort: number;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  readonly #over = new AbortController();

  constructor(t: TestContext, name: string, outboundPort: number) {
    this.name = name;
    this.#outboundPort = outboundPort;
    t.after(() => {
      this.#over.abort();
      this.#agent.destroy();
    });
  }

  ask(): Promise<Seen> {
    return new Promise((resolve) => {
      const end = (status: number, mark?: string) => resolve({ atMs: Date.now(), status, mark });
      const request = http.get(
        {
          ...{ host: "127.0.0.1", port: this.#outboundPort, agent: this.#agent },
          headers: { host: "reviews" },
        },
        (response) => {
          const mark = response.headers["x-mark"];
          response.resume().on("error", () => end(0));
          response.on("end", () =>
            end(response.statusCode ?? 0, [mark].flat().join() || undefined),
          );
        },
      );
      request.on("error", () => end(0));
    });
  }

  start(): void {
    void (async () => {
      while (!this.#over.signal.aborted) {
        this.seen.push(await this.ask());
        await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
      }
    })();
  }

  get last(): Seen | undefined {
    return this.seen.at(-1);
  }

  get failures(): number {
    return this.seen.filter(({ status }) => status !== 200).length;
  }
}

/** A mesh of ten proxies: one serves reviews and something broken, nine call, under traffic. */
async function setUp(t: TestContext) {
  const [controlPort, adminPort] = await findFreePorts(2);
  const env = {
    HEDDLE_PUSH_WINDOW_MS: String(WINDOW_MS),
    HEDDLE_CONTROL_PORT: String(controlPort),
    HEDDLE_CONTROL_ADMIN_PORT: String(adminPort),
  };
  const mesh = await startMesh(t, { env });
  const app = async (service: string, status: number) => {
    return { namespace: "shop", service, appPort: await startApp(t, status), protocol: "http" };
  };
  const workloads = [await app("reviews", 200), await app("broken", 500)];
  await mesh.startProxy("shop", { name: "servers", workloads }, PATIENT);
  await mesh.apply(marked("first"));
  const callers: Caller[] = [];
  const startCaller = async (service: string, index: number) => {
    const name = `${service}-${index}`;
    const config = { name, workloads: [{ namespace: "shop", service }] };
    const { ready } = await mesh.startProxy("shop", config, PATIENT);
    callers.push(new Caller(t, name, ready.workloads[0]?.outboundPort ?? 0));
  };
  for (let at = 0; at < CALLERS.length; at += 3) {
    const some = CALLERS.slice(at, at + 3);
    await Promise.all(some.map((service, one) => startCaller(service, at + one)));
  }
  // The first request through a sidecar subscribes it to what it asks for.
  await waitFor("every caller reaches reviews", DEADLINE_MS, async () => {
    const answers = await Promise.all(callers.map((caller) => caller.ask()));
    return answers.every(({ status, mark }) => status === 200 && mark === "first");
  });
  await synced(mesh);
  for (const caller of callers) caller.start();
  return { mesh, callers };
}

async function synced(mesh: Mesh): Promise<void> {
  await waitFor("all proxies are synced", DEADLINE_MS, async () => {
    const { proxies } = (await mesh.call<ProxiesResponse>("GET", "/proxies")).body;
    const running = proxies.filter((one) => one.connected && one.sync === "SYNCED");
    return running.length === CALLERS.length + 1;
  });
}

/** A change as anybody makes it, which says nothing of how it is to be pushed. */
async function change(mesh: Mesh, yaml: string): Promise<string> {
  const { status, body } = await mesh.call<ApplyResponse>("POST", "/apply", { yaml });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.push?.first, body.push?.heldBack], [2, 7], JSON.stringify(body));
  return body.push?.id ?? "";
}

async function ended(mesh: Mesh, id: string): Promise<CanariedPush> {
  return waitFor("the push ends", DEADLINE_MS, async () => {
    const { pushes } = (await mesh.call<PushesResponse>("GET", "/pushes")).body;
    return pushes.find((one) => one.id === id && one.status !== "running");
  });
}

/** Every caller's newest answers are these, twenty in a row. */
async function allSee(callers: readonly Caller[], mark: string): Promise<void> {
  await waitFor(`all callers see ${mark}`, DEADLINE_MS, () =>
    callers.every(({ seen }) => {
      const newest = seen.slice(-20);
      return newest.length === 20 && newest.every((one) => one.status === 200 && one.mark === mark);
    }),
  );
}

function divide(callers: readonly Caller[], { first }: CanariedPush): [Caller[], Caller[]] {
  const names = new Set(first.map(({ name }) => name));
  const isFirst = (caller: Caller) => names.has(caller.name);
  return [callers.filter(isFirst), callers.filter((caller) => !isFirst(caller))];
}

/** It was taken back for what the first proxies counted, and nobody else's request has failed. */
async function assertTakenBack(
  mesh: Mesh,
  callers: readonly Caller[],
  stopped: CanariedPush,
  mark: string,
): Promise<void> {
  assert.equal(stopped.status, "stopped", stopped.words);
  assert.match(
    stopped.words,
    /^Of the requests that shop\/(front|mobile) has sent, [\d.]+ % failed at the first proxies, 0 % (at the others|before)\.$/,
  );
  await allSee(callers, mark);
  const [first, others] = divide(callers, stopped);
  assert.deepEqual(first.map(({ name }) => name.split("-")[0]).sort(), ["front", "mobile"]);
  assert.deepEqual(
    others.map(({ name, failures }) => [name, failures]),
    others.map(({ name }) => [name, 0]),
  );
  const failures = first.reduce((sum, caller) => sum + caller.failures, 0);
  const { counts } = stopped;
  assert.ok(counts.first.errors >= 5 && counts.first.errors <= failures, JSON.stringify(counts));
  assert.ok(counts.others.requests > 0, JSON.stringify(counts));
  assert.equal(counts.others.errors, 0);
  const { revisions } = (await mesh.call<RevisionsResponse>("GET", "/revisions")).body;
  const [newest] = revisions;
  assert.deepEqual(
    [newest?.revision, newest?.source, newest?.reason],
    [stopped.endRevision, "guard", stopped.words],
  );
  for (const { seen } of callers) seen.length = 0;
}

test("real traffic decides: what fails at the first proxies is taken back, what does no harm reaches all, and a killed control plane changes neither", async (t) => {
  const { mesh, callers } = await setUp(t);
  await allSee(callers, "first");

  const aborting = await change(mesh, ABORTED);
  await assertTakenBack(mesh, callers, await ended(mesh, aborting), "first");

  const harmless = await change(mesh, marked("second"));
  const finished = await ended(mesh, harmless);
  assert.equal(finished.status, "finished", finished.words);
  assert.match(finished.words, /^Nothing went wrong at 2 proxies for \d+ requests\.$/);
  await allSee(callers, "second");
  const [first, others] = divide(callers, finished);
  const endedAtMs = finished.endedAtMs ?? 0;
  for (const { seen } of first) {
    assert.ok(seen.some(({ atMs, mark }) => mark === "second" && atMs < endedAtMs));
  }
  for (const { name, seen } of others) {
    const early = seen.filter(({ atMs, mark }) => mark === "second" && atMs < endedAtMs);
    assert.deepEqual(early, [], name);
  }
  assert.deepEqual(
    callers.map(({ failures }) => failures),
    callers.map(() => 0),
  );

  const breaking = await change(mesh, TO_BROKEN);
  await waitFor("it is told who is first", DEADLINE_MS, async () => {
    const [newest] = (await mesh.call<PushesResponse>("GET", "/pushes")).body.pushes;
    return newest?.id === breaking && newest.first.length === 2;
  });
  mesh.controlPlane.child.kill("SIGKILL");
  await once(mesh.controlPlane.child, "exit");
  await mesh.startControlPlane();
  await assertTakenBack(mesh, callers, await ended(mesh, breaking), "second");
  await synced(mesh);
});
