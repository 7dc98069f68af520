// Where Istio's defaults have hurt people, Heddle's are safe. Each test is one of those stories, without a
// single setting unless it names one.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { waitFor } from "@heddle/testkit";
import { CaseMesh, countByApp } from "./harness/case-mesh.ts";
import { startWorld, type World } from "./harness/world.ts";

let world: World;
const cleanups: (() => void | Promise<void>)[] = [];

before(
  async () => {
    world = await startWorld({ after: (cleanup) => cleanups.push(cleanup) });
  },
  { timeout: 240_000 },
);
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function begin(t: TestContext): Promise<CaseMesh> {
  const mesh = new CaseMesh(world, t, "DestinationRule");
  t.after(() => mesh.end());
  await mesh.start();
  return mesh;
}

test("a POST that may have reached the app is never sent again", async (t) => {
  const mesh = await begin(t);
  const apps = await mesh.apps(2);
  await mesh.serve(apps);
  for (let sent = 0; sent < 5; sent++) {
    const answer = await mesh.call({ method: "POST", body: "pay 10", do: "reset" });
    assert.equal(answer.status, 503);
    assert.match(answer.headers["x-heddle-origin"] ?? "", /^outbound-proxy/);
  }
  assert.equal(
    apps.reduce((sum, { seen }) => sum + seen.length, 0),
    5,
  );
});

test("a POST that was never sent is tried on another endpoint", async (t) => {
  const mesh = await begin(t);
  const [app] = await mesh.apps(1);
  const gone = await mesh.app("gone");
  await gone.close();
  assert.ok(app);
  await mesh.serve([gone, app]);
  for (let sent = 0; sent < 6; sent++) {
    assert.equal((await mesh.call({ method: "POST", body: "x" })).status, 200);
  }
  assert.equal(app.seen.length, 6);
});

test("retries of a storm stay within 20 % of the requests, plus three a second", async (t) => {
  const mesh = await begin(t);
  const [app] = await mesh.apps(1);
  assert.ok(app);
  await mesh.serve([app]);
  await mesh.routes("retries: {attempts: 3, retryOn: 5xx, backoff: 1ms}, ROUTE");
  const requests = 300;
  const ask = () => mesh.call({ do: "status=503" });
  const startedMs = performance.now();
  const answers = await Promise.all(Array.from({ length: requests }, ask));
  const tookSeconds = Math.ceil((performance.now() - startedMs) / 1000);
  assert.ok(answers.every(({ status }) => status === 503));
  const retries = app.seen.length - requests;
  // The floor lets a quiet service have ten seconds' worth at once; without a budget it would be 900.
  const allowed = requests * 0.2 + 3 * (10 + tookSeconds);
  assert.ok(retries >= 30 && retries <= allowed, `${retries} retries, ${allowed} allowed`);
});

test("one of two endpoints may be ejected, and the last never is", async (t) => {
  const mesh = await begin(t);
  const apps = await mesh.apps(2);
  await mesh.serve(apps);
  await mesh.routes("retries: {attempts: 0}, ROUTE");
  await mesh.destinationRule("trafficPolicy: {outlierDetection: {consecutive5xxErrors: 2}}");
  await waitFor("a1 has failed twice", 15_000, async () => {
    await mesh.call({ do: "status=500@a1" });
    return (apps[0]?.seen.length ?? 0) >= 2;
  });
  assert.deepEqual(countByApp(await mesh.calls(8)), { a2: 8 });
  await mesh.calls(6, { do: "status=500" });
  assert.equal((await mesh.call()).status, 200, "the last one serves on");
});

test("no request is lost to an app that closes idle connections after 5 s, at one request in 5 s", async (t) => {
  const mesh = await begin(t);
  const pauses = Array.from({ length: 40 }, (_, index) => 4_800 + index * 12);
  const lost: string[] = [];
  const apps = await Promise.all(
    pauses.map((_, index) => mesh.app(`a${index}`, undefined, { keepAliveTimeout: 5_000 })),
  );
  const hosts = apps.map(({ name }) => `${name}.${mesh.id}.test`);
  const entries = apps.map(({ port, name }) =>
    mesh.document(
      "ServiceEntry",
      `hosts: [${name}.${mesh.id}.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 127.0.0.1, ports: {http: ${port}}}]`,
      { name: `${mesh.id}-${name}` },
    ),
  );
  await mesh.apply(...entries);
  await Promise.all(
    hosts.map(async (host, index) => {
      for (const round of [1, 2]) {
        const answer = await mesh.call({ host, method: "POST", body: "x" });
        if (answer.status !== 200) lost.push(`${host}, round ${round}: ${answer.text}`);
        if (round === 1) await new Promise((resolve) => setTimeout(resolve, pauses[index]));
      }
    }),
  );
  assert.deepEqual(lost, []);
});

test("of two rules for one host the second is refused, with the first's name, and the first holds on", async (t) => {
  const mesh = await begin(t);
  await mesh.routes("V1");
  await mesh.refused("VirtualService", "hosts: [HOST], http: [{V2}]", new RegExp(mesh.id), {
    name: `${mesh.id}-second`,
  });
  assert.deepEqual(countByApp(await mesh.calls(3)), { "reviews-v1": 3 });
});

test("an injected failure says so, in header, flag and body, and never looks like the app's", async (t) => {
  const mesh = await begin(t);
  await mesh.routes("fault: {abort: {httpStatus: 500, percentage: {value: 100}}}, ROUTE");
  const injected = await mesh.call();
  assert.equal(injected.headers["x-heddle-flags"], "FI");
  assert.match(injected.headers["x-heddle-origin"] ?? "", /^outbound-proxy; workload=shop\/front/);
  assert.match(injected.text, /inject/);
  await mesh.routes("retries: {attempts: 0}, ROUTE");
  const real = await mesh.call({ do: "status=500" });
  assert.match(real.headers["x-heddle-origin"] ?? "", /^app/);
});
