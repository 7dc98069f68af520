import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceResource } from "@heddle/contracts";
import { TestControlPlane, waitFor } from "@heddle/testkit";
import { endpointsOf, serviceOf, startBrain, viewOf } from "./support/brain.ts";
import { temporaryFolder } from "./support/proxy-process.ts";

const OUTLIER: ServiceResource["trafficPolicy"] = {
  outlierDetection: {
    consecutive5xxErrors: 1,
    consecutiveGatewayErrors: 0,
    consecutiveLocalOriginFailures: 0,
    splitsLocalOrigin: false,
    errorCodes: [],
    intervalMs: 10_000,
    baseEjectionMs: 2_000,
    maxEjectionRatio: 1,
    minHealthRatio: 0,
  },
};

test("tells the control plane of an endpoint that is out, and when it is back", async (t) => {
  const control = await TestControlPlane.start(t);
  const payments = { ...serviceOf("payments", "a", { v1: 1 }), trafficPolicy: OUTLIER };
  control.resources.set(payments.key, payments);
  const endpoints = endpointsOf("payments", "a", ["v1", "v1"]);
  control.resources.set(endpoints.key, endpoints);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the stream is live", 5_000, () => brain.streamStatus.state === "live");
  const found = await viewOf(brain).whenResolved("payments");
  assert.ok(typeof found !== "string");
  const destination = found.routes[0]?.targets[0]?.destination;
  const [live] = destination?.endpoints ?? [];
  assert.ok(destination && live);
  destination.onOutcome(live, 503, 1, 0, { namespace: "shop", name: "caller" });
  const first = await control.message("observed");
  assert.equal(first.endpoints.length, 1);
  const { source, service, subset, endpointId, state, reason } = first.endpoints[0] ?? {};
  assert.deepEqual(
    { source, service, subset, endpointId, state, reason },
    {
      source: { namespace: "shop", name: "caller" },
      service: { namespace: "shop", name: "payments" },
      subset: "v1",
      endpointId: "payments-v1",
      state: "ejected",
      reason: "once 503",
    },
  );
  const second = await control.message("observed", 2);
  assert.deepEqual(second.endpoints, []);
});

test("says that it drains, and again when the stream has come back", async (t) => {
  const control = await TestControlPlane.start(t);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the stream is live", 5_000, () => brain.streamStatus.state === "live");
  brain.drain();
  await control.message("draining");
  await control.stop();
  await control.listen();
  await control.message("draining", 2);
});
