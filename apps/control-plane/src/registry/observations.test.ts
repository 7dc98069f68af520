import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointObservation } from "@heddle/contracts";
import { Observations } from "./observations.ts";

const reviews = { namespace: "shop", name: "reviews" };
const ejected: EndpointObservation = {
  source: { namespace: "shop", name: "frontend" },
  service: reviews,
  endpointId: "px-2/shop/reviews-v1",
  state: "ejected",
  reason: "5 times 503 in a row",
  sinceMs: 1,
};
const hosted = new Set(["shop/frontend"]);

test("a proxy's newer observations take the place of its older ones", () => {
  const observations = new Observations();
  observations.replace("px-1", hosted, { type: "observed", endpoints: [ejected], protocols: [] });
  const open = { ...ejected, state: "open" as const };
  observations.replace("px-1", hosted, { type: "observed", endpoints: [open], protocols: [] });
  assert.deepEqual(observations.ofService("shop/reviews"), [{ ...open, proxyId: "px-1" }]);
  observations.replace("px-1", hosted, { type: "observed", endpoints: [], protocols: [] });
  assert.deepEqual(observations.all(), []);
});

test("a proxy speaks for the workloads it hosts, not for others", () => {
  const observations = new Observations();
  const foreign = { ...ejected, source: { namespace: "bank", name: "teller" } };
  observations.replace("px-1", hosted, { type: "observed", endpoints: [foreign], protocols: [] });
  assert.deepEqual(observations.all(), []);
});

test("what a proxy saw is forgotten with its stream", () => {
  const observations = new Observations();
  const protocols = [{ service: reviews, port: 9000, protocol: "grpc" as const }];
  observations.replace("px-1", hosted, { type: "observed", endpoints: [ejected], protocols });
  assert.equal(observations.protocols().get("shop/reviews")?.get(9000), "grpc");
  assert.equal(observations.forget("px-1"), true);
  assert.deepEqual([observations.all(), observations.protocols().size], [[], 0]);
});
