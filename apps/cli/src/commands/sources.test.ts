import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHolds } from "./holds.ts";
import { formatOverrides } from "./instance.ts";
import { formatSources } from "./sources.ts";

const NOW_MS = 1_000_000;

test("sources are listed with what is wrong, by file and line, and when each name is asked for again", () => {
  const text = formatSources(
    {
      sources: [
        {
          ...{ name: "directory /etc/registry", kind: "directory", state: "failing" },
          ...{ sinceMs: NOW_MS - 60_000, lastChangeAtMs: NOW_MS - 120_000, count: 3, holds: ["a"] },
          faults: [{ file: "db.yaml", line: 4, message: "port must be between 1-65535" }],
        },
        {
          ...{ name: "dns shop/db", kind: "dns", state: "ok", sinceMs: NOW_MS, count: 2 },
          ...{ faults: [], holds: [] },
          lookups: [
            {
              ...{ name: "_db._tcp.test", type: "SRV", state: "ok", ttlSeconds: 30, count: 2 },
              nextAtMs: NOW_MS + 12_000,
            },
          ],
        },
      ],
    },
    NOW_MS,
  );
  assert.match(text, /directory \/etc\/registry +failing +\S.* +3 +\S.* ago +1/);
  assert.match(text, /directory \/etc\/registry: db\.yaml:4: port must be between 1-65535/);
  assert.match(
    text,
    /dns shop\/db: SRV _db\._tcp\.test ok, 2 endpoints, TTL 30 s, asked again in 12 s/,
  );
});

test("what was set by hand is listed with who set it, until when and why", () => {
  const text = formatOverrides(
    {
      overrides: [
        {
          ...{ namespace: "shop", name: "db-1", revision: 7, workload: "db", isDrained: true },
          ...{ address: "10.0.0.1:5432", weight: 3, by: "ada", reason: "its disk is slow" },
          ...{ atMs: NOW_MS - 60_000, endpoints: [] },
        },
      ],
    },
    NOW_MS,
  );
  assert.match(text, /shop\/db +10\.0\.0\.1:5432 \(nobody there\) +drained, weight 3 +ada/);
  assert.match(text, /its disk is slow/);
});

for (const cause of ["leases", "source", "start"] as const) {
  test(`a hold of cause ${cause} is told in words, with what is held and both answers`, () => {
    const hold = {
      ...{ id: "shop.db-1", service: "shop/db", cause, sinceMs: NOW_MS, endpointsAfter: 0 },
      ...{ words: "What happened, and what the answers do.", endpointsBefore: 1 },
      held: [{ id: "entry/shop/db-1", workload: "shop/db-1", address: "10.0.0.1:5432" }],
    };
    const text = formatHolds({ holds: [hold], maxLossPercent: 50 }, NOW_MS);
    assert.match(text, /What happened, and what the answers do\./);
    assert.match(text, /shop\/db-1 at 10\.0\.0\.1:5432/);
    assert.match(text, /heddle holds confirm shop\.db-1 {3}or {3}heddle holds dismiss shop\.db-1/);
    const dismissed = { ...hold, dismissed: { by: "ada", atMs: NOW_MS } };
    const kept = formatHolds({ holds: [dismissed], maxLossPercent: 50 }, NOW_MS);
    assert.match(kept, /kept by ada/);
    assert.doesNotMatch(kept, /heddle holds confirm/);
  });
}
