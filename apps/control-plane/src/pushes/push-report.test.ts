import assert from "node:assert/strict";
import { test } from "node:test";
import type { FirstProxy } from "@heddle/contracts";
import { mergeReports } from "./push-report.ts";

const row = (replicaId: string, reportedAtMs: number, state: FirstProxy["state"]) => {
  const one = { proxyId: "px-1", name: "web-1", workloads: ["shop/web"], state, sinceMs: 100 };
  return { replicaId, reportedAtMs, report: { first: [one], counts: [] } };
};
const isDead = (id: string) => (id === "cp-dead" ? 900 : undefined);
const standingOf = (...rows: ReturnType<typeof row>[]) =>
  mergeReports(rows, isDead).first.map(({ state, sinceMs }) => [state, sinceMs]);

test("what a control plane that is gone has told of a proxy says no more that it runs the change", () => {
  assert.deepEqual(standingOf(row("cp-dead", 1, "acked")), [["waiting", 900]]);
  assert.deepEqual(standingOf(row("cp-dead", 1, "gone")), [["waiting", 900]]);
});

test("a refusal and a goodbye stay what they are when who has told of them is gone", () => {
  assert.deepEqual(standingOf(row("cp-dead", 1, "nacked")), [["nacked", 100]]);
  assert.deepEqual(standingOf(row("cp-dead", 1, "left")), [["left", 100]]);
});

test("a proxy that has come to another control plane stands as that one tells", () => {
  assert.deepEqual(standingOf(row("cp-dead", 1, "acked"), row("cp-b", 2, "acked")), [
    ["acked", 100],
  ]);
});
