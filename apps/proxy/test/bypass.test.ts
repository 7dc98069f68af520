import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyResource } from "@heddle/contracts";
import { WORKLOAD_LABEL } from "@heddle/contracts";
import { waitFor } from "@heddle/testkit";
import { send } from "./data-path-kit.ts";
import { callerOf, countingApp, eventsOf, REVIEWS, route } from "./outbound-kit.ts";

const host = "reviews";
const FRONT = { namespaces: ["shop"], labels: { app: "front" } };
const HOUR_MS = 3_600_000;
const refusing = route({ fault: { scope: "request", abort: { ratio: 1, httpStatus: 418 } } });
const bypass = (untilMs: number, source = FRONT) => ({ source, untilMs, name: "shop/night" });

test("a bypassed caller meets no fault, split or timeout, its endpoints take turns, and it is counted", async (t) => {
  const [one, two] = [await countingApp(t), await countingApp(t)];
  const { proxy, recorder } = await callerOf(
    t,
    [
      { port: one.port, version: "v1" },
      { port: two.port, version: "v2" },
    ],
    {
      routes: [
        route({
          fault: { scope: "request", abort: { ratio: 1, httpStatus: 418 } },
          destinations: [{ service: REVIEWS, subset: "v1", weight: 1 }],
          rewrite: { uri: "/other" },
        }),
      ],
      subsets: [{ name: "v1", labels: { version: "v1" } }],
      bypasses: [bypass(Date.now() + HOUR_MS)],
    },
  );
  for (let sent = 0; sent < 10; sent++) {
    assert.equal((await send(proxy.port, { host, path: "/a" })).status, 200);
  }
  assert.deepEqual([one.seen.length, two.seen.length], [5, 5]);
  assert.equal(one.seen[0]?.url, "/a");
  await recorder.find(() => true);
  assert.deepEqual(eventsOf(recorder, "heddle_bypassed_total"), { served: 10 });
});

test("a bypass is for the callers it names", async (t) => {
  const one = await countingApp(t);
  const other = { namespaces: ["shop"], labels: { app: "web" } };
  const { proxy } = await callerOf(t, [one.port], {
    routes: [refusing],
    bypasses: [bypass(Date.now() + HOUR_MS, other)],
  });
  assert.equal((await send(proxy.port, { host })).status, 418);
});

test("a bypass ends by the proxy's own clock, nobody telling it, and no request fails at either edge", async (t) => {
  const [one, two] = [await countingApp(t), await countingApp(t)];
  const untilMs = Date.now() + HOUR_MS;
  const rules = {
    routes: [route({ destinations: [{ service: REVIEWS, subset: "v1", weight: 1 }] })],
    subsets: [{ name: "v1", labels: { version: "v1" } }],
  };
  const { mesh, proxy } = await callerOf(
    t,
    [
      { port: one.port, version: "v1" },
      { port: two.port, version: "v2" },
    ],
    rules,
  );
  const ending = new AbortController();
  const statuses = new Set<number>();
  const caller = (async () => {
    while (!ending.signal.aborted) statuses.add((await send(proxy.port, { host })).status);
  })();
  await waitFor("the rules are followed", 10_000, () => one.seen.length > 20);
  assert.equal(two.seen.length, 0);

  mesh.apply(serviceWith({ ...rules, bypasses: [bypass(untilMs)] }));
  await waitFor("the bypass is followed", 10_000, () => two.seen.length > 20);
  assert.equal(mesh.live.endBypasses(untilMs - 1), false);
  assert.equal(mesh.live.isAnyBypassed, true);

  // From here on the clock says that it is over; what the rules said before holds again.
  const now = Date.now;
  t.after(() => {
    Date.now = now;
  });
  Date.now = () => untilMs + 1;
  assert.equal(mesh.live.endBypasses(untilMs), true);
  assert.equal(mesh.live.isAnyBypassed, false);
  mesh.generation++;
  const then = one.seen.length;
  await waitFor("the rules are followed again", 10_000, () => one.seen.length > then + 5);
  const atV2 = two.seen.length;
  await waitFor("more requests have come", 10_000, () => one.seen.length > then + 30);
  assert.ok(two.seen.length - atV2 <= 1, "one may have been under way");
  ending.abort();
  await caller;
  assert.deepEqual([...statuses], [200]);
});

test("a workload off all rules is so for whatever it calls, until its time is over", async (t) => {
  const one = await countingApp(t);
  const { mesh, proxy } = await callerOf(t, [one.port], { routes: [refusing] });
  mesh.caller = { namespace: "shop", labels: { app: "front", [WORKLOAD_LABEL]: "front" } };
  assert.equal((await send(proxy.port, { host })).status, 418);
  const untilMs = Date.now() + HOUR_MS;
  mesh.apply(
    workloadWith({ bypass: { untilMs, name: "shop/night", includesAuthorization: false } }),
  );
  assert.equal((await send(proxy.port, { host })).status, 200);
  assert.equal(mesh.live.endBypasses(untilMs), true);
  mesh.generation++;
  assert.equal((await send(proxy.port, { host })).status, 418);
  mesh.apply(
    workloadWith({ bypass: { untilMs, name: "shop/night", includesAuthorization: false } }),
  );
  mesh.apply(workloadWith({}));
  assert.equal((await send(proxy.port, { host })).status, 418);
});

type Wire<Kind extends ProxyResource["kind"]> = Extract<ProxyResource, { kind: Kind }>;

function serviceWith(rest: Partial<Wire<"service">>): ProxyResource {
  return {
    ...{ kind: "service", key: "service/shop/reviews", version: "2", service: REVIEWS },
    ...{ routes: [], subsets: [], revision: 8 },
    ...rest,
  };
}

function workloadWith(rest: Partial<Wire<"workload">>): ProxyResource {
  return {
    ...{ kind: "workload", key: "workload/shop/front", version: "2" },
    workload: { namespace: "shop", name: "front" },
    ...{ mtlsMode: "PERMISSIVE", revision: 8 },
    ...rest,
  };
}
