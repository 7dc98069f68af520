import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyState } from "@heddle/contracts";
import { sortProxies, syncView } from "./proxy-sync.ts";

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
