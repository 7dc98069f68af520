import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import {
  BypassesResponse,
  BypassResponse,
  type Problem,
  type ProxiesResponse,
  RevisionsResponse,
} from "@heddle/contracts";
import { startMesh, waitFor } from "@heddle/testkit";

const FAULT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
    - fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
      route: [{ destination: { host: reviews } }]
`;
const LIMIT = `apiVersion: heddle.dev/v1
kind: RateLimit
metadata: { name: reviews, namespace: shop }
spec:
  selector: { matchLabels: { app: reviews } }
  limits: [{ name: all, requests: 1, per: 24h }]
`;
const DENY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: reviews, namespace: shop }
spec: { selector: { matchLabels: { app: reviews } }, action: DENY, rules: [{}] }
`;
const bypassUntil = (untilMs: number, spec: string) => `apiVersion: heddle.dev/v1
kind: Bypass
metadata: { name: night, namespace: shop }
spec: { ${spec}, until: "${new Date(untilMs).toISOString()}" }
`;

async function startApp(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.end("reviewed"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function ask(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, headers: { host: "reviews" } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    }).on("error", reject);
  });
}

test("a bypass goes past routes, limits and, where an admin says so, policies; it ends by itself without a control plane", {
  timeout: 300_000,
}, async (t) => {
  const mesh = await startMesh(t);
  const proxy = await mesh.startProxy("shop", {
    name: "host-a",
    workloads: [
      { namespace: "shop", service: "reviews", appPort: await startApp(t), protocol: "http" },
      { namespace: "shop", service: "web" },
    ],
  });
  const web = proxy.ready.workloads.find(({ workload }) => workload === "web")?.outboundPort ?? 0;
  await mesh.apply(FAULT);
  assert.equal(await ask(web), 418);

  // A pair, by the API: the caller's side alone.
  const pair = {
    kind: "pair",
    source: { namespace: "shop", service: "web" },
    destination: { namespace: "shop", service: "reviews" },
  };
  const on = await mesh.call("POST", "/bypasses", {
    target: pair,
    forMs: 60_000,
    reason: "3 a.m.",
  });
  const { bypass } = BypassResponse.parse(on.body);
  assert.match(
    bypass?.summary ?? "",
    /^web → reviews: straight to its endpoints until \d\d:\d\d UTC$/,
  );
  assert.equal(await ask(web), 200);
  const { proxies } = (await mesh.call<ProxiesResponse>("GET", "/proxies")).body;
  assert.deepEqual(
    proxies.map(({ bypasses }) => bypasses),
    [[bypass?.summary]],
  );
  const again = BypassResponse.parse(
    (await mesh.call("POST", "/bypasses", { target: pair, forMs: 120_000 })).body,
  );
  assert.equal(again.bypass?.name, bypass?.name, "the target's own bypass lasts longer");
  const listed = BypassesResponse.parse((await mesh.call("GET", "/bypasses")).body);
  assert.deepEqual(
    listed.bypasses.map(({ isActive }) => isActive),
    [true],
  );
  await mesh.call("DELETE", `/bypasses/shop/${bypass?.name}`);
  assert.equal(await ask(web), 418);

  // What nobody serves has nothing but rules.
  await mesh.apply(FAULT.replace("hosts: [reviews]", "hosts: [reviews, front]"));
  const lost = { ...pair, destination: { namespace: "shop", service: "front" } };
  const refused = await mesh.call<Problem>("POST", "/bypasses", { target: lost });
  assert.deepEqual([refused.status, refused.body.code], [409, "HEDDLE_CHANGE_REFUSED"]);

  // A workload: limits of its inbound side too, policies only with includeAuthorization.
  await mesh.remove("VirtualService", "shop", "reviews");
  await mesh.apply(LIMIT);
  assert.deepEqual([await ask(web), await ask(web)], [200, 429]);
  const workload = { kind: "workload", namespace: "shop", workload: "reviews" };
  await mesh.call("POST", "/bypasses", { target: workload });
  assert.deepEqual([await ask(web), await ask(web)], [200, 200]);
  await mesh.apply(DENY);
  assert.equal(await ask(web), 403);
  const open = { ...workload, includeAuthorization: true };
  await mesh.call("POST", "/bypasses", { target: open });
  assert.equal(await ask(web), 200);
  await mesh.call("DELETE", "/bypasses/shop/bypass-reviews");
  assert.equal(await ask(web), 403);
  await mesh.remove("AuthorizationPolicy", "shop", "reviews");
  await mesh.remove("RateLimit", "shop", "reviews");

  // The control plane writes the end down.
  await mesh.apply(
    bypassUntil(Date.now() + 1500, "source: { service: web }, destination: { host: reviews }"),
  );
  await waitFor("the timer has taken the document away", 30_000, async () => {
    const { body } = await mesh.call("GET", "/revisions?limit=1");
    const [newest] = RevisionsResponse.parse(body).revisions;
    return newest?.source === "timer" && newest.kind === "bypass";
  });

  // And without it the proxy still knows when to stop.
  await mesh.apply(FAULT);
  const untilMs = Date.now() + 4000;
  await mesh.apply(
    bypassUntil(untilMs, "source: { service: web }, destination: { host: reviews }"),
  );
  const ended = new Promise((resolve) => mesh.controlPlane.child.once("exit", resolve));
  mesh.controlPlane.child.kill("SIGKILL");
  await ended;
  assert.equal(await ask(web), 200);
  const statuses = new Set<number>();
  await waitFor("the fault is back", 30_000, async () => {
    const status = await ask(web);
    statuses.add(status);
    return status === 418;
  });
  assert.ok(Date.now() >= untilMs, "not before its time");
  assert.deepEqual([...statuses], [200, 418]);
});
