import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { exactShare, latencySequence } from "./exact-share.ts";
import { expectedServiceEdges, expectedWorkloadEdges } from "./expected-traffic.ts";
import { readShopFile, shopWorkloads } from "./shop-file.ts";

const shopDir = join(import.meta.dirname, "..");
const shop = readShopFile(join(shopDir, "shop.yaml"));

function edge(from: string, to: string, edges = expectedWorkloadEdges(shop)) {
  const found = edges.find(({ source, destination }) => source === from && destination === to);
  assert.ok(found, `${from} calls ${to}`);
  return found;
}

function near(actual: number, expected: number) {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is ${expected}`);
}

test("a split service's versions share its traffic", () => {
  near(edge("shop/storefront-v1", "shop/reviews-v2").requestsPerSecond, 60 * 0.75 * 0.3);
  near(edge("shop/reviews-v2", "shop/ratings-v1").requestsPerSecond, 60 * 0.75 * 0.3);
  near(edge("shop/checkout-v1", "shop/payments-v2").errorRatio, 0.2);
});

test("a failure of a required call is its caller's failure, of another is not", () => {
  near(edge("shop/storefront-v1", "shop/checkout-v1").errorRatio, 0.02);
  near(edge("shop/web-gateway-v1-9", "shop/storefront-v1").errorRatio, 0);
});

test("service edges fold the versions and add their callers up", () => {
  const edges = expectedServiceEdges(shop);
  near(edge("shop/reviews", "shop/ratings", edges).requestsPerSecond, 60 * 0.75 * 0.4);
  near(edge("shop/checkout", "shop/payments", edges).errorRatio, 0.02);
  assert.ok(edges.length >= 10, `${edges.length} edges`);
  assert.ok(Object.keys(shop.services).length >= 8);
});

test("gRPC calls are requests, a WebSocket session is one, TCP lines are bytes", () => {
  const quotes = edge("shop/checkout-v1", "shop/quotes-v1");
  assert.equal(quotes.speaks, "grpc");
  near(quotes.requestsPerSecond, 60 * 0.5 * 0.5);
  near(edge("shop/web-gateway-v1-9", "shop/notifications-v1").requestsPerSecond, 1);
  const ledger = edge("shop/checkout-v1", "shop/ledger-v1");
  assert.equal(ledger.requestsPerSecond, 0);
  near(ledger.tcp?.sentBytesPerSecond ?? 0, 60 * 0.5 * 0.5 * 17);
});

test("a service outside the mesh is called by its host name", () => {
  const tax = edge("shop/checkout-v1", "tax.example");
  assert.equal(tax.isExternal, true);
  near(tax.requestsPerSecond, 60 * 0.5 * 0.5);
  near(edge("shop/checkout", "tax.example", expectedServiceEdges(shop)).requestsPerSecond, 15);
});

test("at most nine calls fan out of one arrival", () => {
  const calls = expectedWorkloadEdges(shop).reduce(
    (sum, { requestsPerSecond }) => sum + requestsPerSecond,
    0,
  );
  assert.ok(calls / shop.load.ratePerSecond <= 9, `${calls / shop.load.ratePerSecond} calls`);
});

const lastSplits = { reviews: "3-reviews.yaml", payments: "5-payments-canary-at-10.yaml" };
for (const [service, file] of Object.entries(lastSplits)) {
  test(`the split of ${service} is what its last VirtualService routes`, () => {
    const yaml = readFileSync(join(shopDir, "mesh", file), "utf8");
    const documents = parseAllDocuments(yaml).map((document) => document.toJS());
    const { spec } = documents.find(({ kind }) => kind === "VirtualService");
    const weights: { destination: { subset: string }; weight: number }[] = spec.http[0].route;
    assert.deepEqual(
      weights.map(({ destination, weight }) => [destination.subset, weight / 100]),
      shopWorkloads(shop)
        .filter((workload) => workload.service === service)
        .map(({ version, behaviour }) => [version, behaviour.share]),
    );
  });
}

test("a share is exact over any round number of questions", () => {
  for (const share of [0, 0.1, 0.25, 0.3, 0.75, 1]) {
    const ask = exactShare(share);
    const yes = Array.from({ length: 1000 }, () => ask()).filter(Boolean).length;
    assert.equal(yes, Math.round(share * 1000), `share ${share}`);
  }
});

test("latencies have the given median and tail", () => {
  const next = latencySequence({ medianMs: 20, tailMs: 200, tailShare: 0.1 });
  const sorted = Array.from({ length: 1000 }, () => next()).sort((a, b) => a - b);
  assert.equal(sorted.filter((ms) => ms === 200).length, 100);
  const medianOfRest = sorted[450] ?? 0;
  assert.ok(Math.abs(medianOfRest - 20) < 0.5, `${medianOfRest}`);
});
