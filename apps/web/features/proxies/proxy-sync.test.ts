import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyState } from "@heddle/contracts";
import { filterProxies, sortProxies, syncView } from "./proxy-sync.ts";

const proxy = (name: string, sync: ProxyState["sync"], connected = true): ProxyState => ({
  proxyId: name,
  name,
  version: "0.1.0",
  connected,
  sync,
  sinceMs: 0,
  sentRevision: 2,
  ackedRevision: 2,
  workloads: [],
});

test("shows refusals first and well proxies last", () => {
  const sorted = sortProxies([
    proxy("b", "SYNCED"),
    proxy("a", "SYNCED"),
    proxy("gone", "SYNCED", false),
    proxy("slow", "STALE"),
    proxy("bad", "ERROR"),
    proxy("new", "NOT SENT"),
  ]);
  assert.deepEqual(
    sorted.map((one) => one.name),
    ["bad", "slow", "gone", "a", "b", "new"],
  );
});

test("never calls a proxy without connection well", () => {
  assert.equal(syncView(proxy("gone", "SYNCED", false)).status, "unknown");
  assert.equal(syncView(proxy("gone", "SYNCED", false)).word, "SYNCED, disconnected");
  assert.equal(syncView(proxy("here", "SYNCED")).status, "healthy");
});

test("filters by every word and by state, where disconnected and a warning count as states", () => {
  const proxies = [
    { ...proxy("host-a", "SYNCED"), workloads: ["shop/reviews-v1"] },
    { ...proxy("host-b", "STALE", false), workloads: ["shop/reviews-v2"] },
    { ...proxy("host-c", "SYNCED"), version: "0.0.9", warnings: ["An old version."] },
  ];
  const named = (text: string, state?: string) =>
    filterProxies(proxies, { text, state }).map(({ name }) => name);
  assert.deepEqual(named("reviews host"), ["host-a", "host-b"]);
  assert.deepEqual(named("reviews v2"), ["host-b"]);
  assert.deepEqual(named("", "SYNCED"), ["host-a", "host-c"]);
  assert.deepEqual(named("", "disconnected"), ["host-b"]);
  assert.deepEqual(named("", "skew"), ["host-c"]);
});
