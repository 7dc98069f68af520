import assert from "node:assert/strict";
import { test } from "node:test";
import type { RevisionSummary } from "@heddle/contracts";
import { filterRevisions, groupRevisions } from "./filter-revisions.ts";

const now = Date.UTC(2026, 10, 20, 14, 32);
const revision = (
  number: number,
  createdAtMs: number,
  more: Partial<RevisionSummary> = {},
): RevisionSummary => ({
  revision: number,
  createdAtMs,
  author: "mara",
  source: "console",
  summary: "payments v2 to 10 %",
  kind: "weight",
  resources: [{ kind: "VirtualService", namespace: "shop", name: "payments-route" }],
  services: ["shop/payments"],
  ...more,
});
const all = [
  revision(213, now - 60_000),
  revision(212, now - 120_000, { author: "jon", kind: "mtls", summary: "inventory set to STRICT" }),
  revision(211, now - 3_600_000),
  revision(210, now - 86_400_000),
];
const numbers = (revisions: readonly RevisionSummary[]): number[] =>
  revisions.map((one) => one.revision);

test("finds revisions by any word of theirs, by kind and by person", () => {
  const none = { text: "", kind: undefined, author: undefined };
  assert.deepEqual(numbers(filterRevisions(all, none)), [213, 212, 211, 210]);
  assert.deepEqual(numbers(filterRevisions(all, { ...none, text: "STRICT jon" })), [212]);
  assert.deepEqual(numbers(filterRevisions(all, { ...none, text: "payments-route 211" })), [211]);
  assert.deepEqual(numbers(filterRevisions(all, { ...none, kind: "mtls" })), [212]);
  assert.deepEqual(numbers(filterRevisions(all, { ...none, author: "jon", kind: "weight" })), []);
});

test("groups today by the hour and earlier days by the day", () => {
  assert.deepEqual(
    groupRevisions(all, now).map((group) => [group.name, numbers(group.revisions)]),
    [
      ["Today, 14:00", [213, 212]],
      ["Today, 13:00", [211]],
      ["Yesterday", [210]],
    ],
  );
});
