import assert from "node:assert/strict";
import http from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePorts, TestAuthority, TestControlPlane, waitFor } from "@heddle/testkit";
import { app, endpoints, RawClient, send, service } from "./data-path-kit.ts";
import { type ProxyProcess, startProxyProcess, temporaryFolder } from "./support/proxy-process.ts";

const CONFIG_CHANGES = 200;
const ROTATIONS = 20;
const INBOUND_RESTARTS = 10;
const OUTBOUND_RESTARTS = 5;
/** Of their lives of 100 s 46 are over when they are issued: renewed after 0 to 14 s, and never near the end. */
const CERTIFICATE_TTL_MS = 54_000;
const CERTIFICATE_AGE_MS = 46_000;
const CLIENTS = 8;
const BODY = Buffer.alloc(4_096, "b");

/** One proxy and its control plane, through all of its lives. */
class Sidecar {
  readonly control: TestControlPlane;
  proxy: ProxyProcess;
  outboundPort = 0;
  inboundPort = 0;
  readonly #start: () => ProxyProcess;

  private constructor(control: TestControlPlane, startProcess: () => ProxyProcess) {
    this.control = control;
    this.#start = startProcess;
    this.proxy = startProcess();
  }

  static async start(
    t: TestContext,
    authority: TestAuthority,
    workload: { readonly service: string; readonly workload: string; readonly appPort?: number },
  ): Promise<Sidecar> {
    const control = await TestControlPlane.start(t, {
      authority,
      certificateTtlMs: CERTIFICATE_TTL_MS,
      certificateAgeMs: CERTIFICATE_AGE_MS,
    });
    const dataDir = temporaryFolder(t);
    const sidecar = new Sidecar(control, () =>
      startProxyProcess(t, {
        dataDir,
        config: {
          name: workload.workload,
          adminPort: 0,
          workloads: [{ namespace: "shop", ...workload }],
        },
        env: {
          HEDDLE_CONTROL_PLANE: control.address,
          HEDDLE_JOIN_TOKEN: control.token,
          HEDDLE_DRAIN_TIMEOUT_MS: "10000",
        },
      }),
    );
    await sidecar.untilReady();
    return sidecar;
  }

  async untilReady(): Promise<void> {
    const { workloads } = await this.proxy.ready();
    this.outboundPort = workloads[0]?.outboundPort ?? 0;
    this.inboundPort = workloads[0]?.inboundPort ?? 0;
  }

  count(type: "draining" | "csr"): number {
    return this.control.received.filter((message) => message.type === type).length;
  }

  /** Stops the process as `kill` does; resolves once others know that it leaves. */
  async leave(): Promise<void> {
    const before = this.count("draining");
    this.proxy.child.kill("SIGTERM");
    await waitFor("word that it drains", 10_000, () => this.count("draining") > before);
  }

  async comeBack(): Promise<void> {
    assert.equal(await this.proxy.exited(), 0, this.proxy.log());
    this.proxy = this.#start();
    await this.untilReady();
  }
}

/** Sends requests one after the other over kept-alive connections, until told to stop. */
class Client {
  isStopped = false;
  answered = 0;
  readonly failures: string[] = [];
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: () => number;

  constructor(port: () => number) {
    this.#port = port;
  }

  async run(): Promise<void> {
    for (let number = 0; !this.isStopped; number++) {
      const outcome = await this.#send(number);
      if (outcome === "200") this.answered++;
      else if (outcome === "ECONNREFUSED")
        await sleep(20); // nobody listens: nothing was sent
      else this.failures.push(outcome);
      await sleep(2);
    }
    this.#agent.destroy();
  }

  #send(number: number): Promise<string> {
    const isPost = number % 2 === 1;
    return new Promise((resolve) => {
      const request = http.request(
        {
          port: this.#port(),
          hostname: "127.0.0.1",
          method: isPost ? "POST" : "GET",
          path: `/${number}`,
          headers: { host: "reviews" },
          agent: this.#agent,
        },
        (response) => {
          let text = "";
          response.setEncoding("latin1").on("data", (part: string) => (text += part));
          response.on("error", (error) => resolve(`the answer broke off: ${error.message}`));
          response.on("end", () => {
            const expected = `/${number} ${isPost ? BODY.length : 0}`;
            const isRight = response.statusCode === 200 && text === expected;
            resolve(isRight ? "200" : `${response.statusCode} ${text}`);
          });
        },
      );
      request.on("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code === "ECONNREFUSED" ? "ECONNREFUSED" : `${error.code} ${error.message}`),
      );
      request.end(isPost ? BODY : undefined);
    });
  }
}

test("loses no request over 200 changes, 20 certificates and 15 restarts", async (t) => {
  const authority = await TestAuthority.create();
  const upstream = await app(t, (request, response) => {
    let length = 0;
    request.on("data", (part: Buffer) => (length += part.length));
    request.on("end", () => response.end(`${request.url} ${length}`));
  });
  const backs = [
    await Sidecar.start(t, authority, workloadOf("reviews", "reviews-a", upstream.port)),
    await Sidecar.start(t, authority, workloadOf("reviews", "reviews-b", upstream.port)),
  ];
  const front = await Sidecar.start(t, authority, { service: "front", workload: "front" });
  const live = new Set(backs);
  const publish = async (timeoutMs: number): Promise<void> => {
    const routed = { namespace: "shop", name: "reviews" };
    const destinations = [{ service: routed, weight: 1 }];
    const routes = [{ name: "default", matches: [], timeoutMs, destinations }];
    const list = [...live].map((each) => ({
      port: each.inboundPort,
      workload: each === backs[0] ? "reviews-a" : "reviews-b",
      identity: authority.spiffeId({
        namespace: "shop",
        workload: each === backs[0] ? "reviews-a" : "reviews-b",
        service: "reviews",
      }),
    }));
    const upserts = [service("reviews", { routes }), endpoints("reviews", list)];
    for (const upsert of upserts) front.control.resources.set(upsert.key, upsert);
    // A proxy that is away gets it when it is back.
    if (front.proxy.child.exitCode !== null || !isFrontThere) return;
    await front.control.push({ upserts }).catch(() => {});
  };
  let isFrontThere = true;
  await publish(10_000);

  const clients = Array.from({ length: CLIENTS }, () => new Client(() => front.outboundPort));
  const running = clients.map((client) => client.run());
  t.after(() => {
    for (const client of clients) client.isStopped = true;
  });

  let changes = 0;
  const phase = { isOver: false };
  const changing = (async () => {
    while (changes < CONFIG_CHANGES || !phase.isOver) {
      await publish(10_000 + (changes % 7));
      changes++;
      await sleep(20);
    }
  })();
  const restartBacks = async () => {
    for (let restart = 0; restart < INBOUND_RESTARTS; restart++) {
      const back = backs[restart % 2] as Sidecar;
      await back.leave();
      live.delete(back);
      await publish(10_000);
      await back.comeBack();
      live.add(back);
      await publish(10_000);
    }
  };
  const restartFront = async () => {
    for (let restart = 0; restart < OUTBOUND_RESTARTS; restart++) {
      isFrontThere = false;
      await front.leave();
      await front.comeBack();
      isFrontThere = true;
      await publish(10_000);
      await sleep(200);
    }
  };
  await restartBacks();
  await restartFront();
  // The first of each is no rotation.
  const rotations = () => [front, ...backs].reduce((sum, each) => sum + each.count("csr") - 1, 0);
  await waitFor(`${ROTATIONS} rotations`, 90_000, () => rotations() >= ROTATIONS);
  phase.isOver = true;
  await changing;
  for (const client of clients) client.isStopped = true;
  await Promise.all(running);
  const failures = clients.flatMap((client) => client.failures);
  const answered = clients.reduce((sum, client) => sum + client.answered, 0);
  assert.deepEqual(failures, []);
  assert.ok(answered > 1_000, `only ${answered} requests were answered`);
  t.diagnostic(`${answered} answered, ${changes} changes, ${rotations()} certificates`);
});

test("goes by the control plane's word, not by an old disk, from the first request after a restart", async (t) => {
  const authority = await TestAuthority.create();
  const upstream = await app(t, (_request, response) => response.end("moved"));
  const front = await Sidecar.start(t, authority, { service: "front", workload: "front" });
  const publish = async (port: number) => {
    const upserts = [service("reviews"), endpoints("reviews", [{ port }])];
    for (const upsert of upserts) front.control.resources.set(upsert.key, upsert);
    if (front.proxy.child.exitCode === null) await front.control.push({ upserts });
  };
  await publish(upstream.port);
  assert.equal((await send(front.outboundPort, { host: "reviews" })).status, 200);
  const [nobody = 0] = await findFreePorts(1);
  await publish(nobody);
  assert.equal((await send(front.outboundPort, { host: "reviews" })).status, 503);
  await front.leave();
  await front.proxy.exited();
  await publish(upstream.port);
  const { outboundPort } = front;
  const isBack = front.comeBack();
  // As soon as anybody listens, which is before the stream to the control plane is open.
  const first = async (): Promise<string> => {
    try {
      return (await send(outboundPort, { host: "reviews" })).body.toString();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
      await sleep(1);
      return first();
    }
  };
  assert.equal(await first(), "moved");
  await isBack;
});

function workloadOf(name: string, workload: string, appPort: number) {
  return { service: name, workload, appPort };
}

test("turns requests away with 503 and Retry-After when too many are under way", async (t) => {
  const authority = await TestAuthority.create();
  const held: http.ServerResponse[] = [];
  const upstream = await app(t, (_request, response) => held.push(response));
  const control = await TestControlPlane.start(t, { authority });
  for (const each of [service("reviews"), endpoints("reviews", [{ port: upstream.port }])]) {
    control.resources.set(each.key, each);
  }
  const proxy = startProxyProcess(t, {
    dataDir: temporaryFolder(t),
    config: { name: "front", adminPort: 0, workloads: [{ namespace: "shop", service: "front" }] },
    env: {
      HEDDLE_CONTROL_PLANE: control.address,
      HEDDLE_JOIN_TOKEN: control.token,
      HEDDLE_MAX_REQUESTS: "2",
    },
  });
  const { workloads } = await proxy.ready();
  const clients = Array.from(
    { length: 3 },
    () => new RawClient(t, workloads[0]?.outboundPort ?? 0),
  );
  const request = "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n";
  clients[0]?.send(request);
  clients[1]?.send(request);
  await waitFor("two requests are under way", 5_000, () => held.length === 2);
  clients[2]?.send(request);
  await clients[2]?.expect(
    /^HTTP\/1\.1 503 [^]*x-heddle-flags: OM\r\n[^]*retry-after: 1\r\n[^]*more than 2 requests/,
  );
  for (const response of held) response.end("done");
  await clients[0]?.expect(/200 OK[^]*done$/);
  clients[2]?.send(request);
  await waitFor("the third is taken on", 5_000, () => held.length === 3);
});
