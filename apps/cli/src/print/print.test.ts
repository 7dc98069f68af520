import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphSnapshot } from "@heddle/contracts";
import { formatDot } from "./graph-dot.ts";
import { formatAge, formatMs, formatPercent, formatTable } from "./table.ts";

test("a table's columns are as wide as their widest cell", () => {
  assert.equal(
    formatTable(
      ["NAME", "STATE"],
      [
        ["a", "up"],
        ["longer", "down"],
      ],
    ),
    "NAME    STATE\na       up\nlonger  down",
  );
});

test("ages, latencies and shares are short, and no data is not zero", () => {
  assert.equal(formatAge(0, 119_000), "119 s");
  assert.equal(formatAge(0, 3_600_000), "60 min");
  assert.equal(formatAge(0, 3 * 86_400_000), "3 d");
  assert.equal(formatMs(undefined), "-");
  assert.equal(formatMs(3.14), "3.1 ms");
  assert.equal(formatPercent(0.02), "2.00 %");
  assert.equal(formatPercent(undefined), "-");
});

test("the dot text quotes what a name may hold", () => {
  const signals = {
    requests: 0,
    requestsPerSecond: 0,
    errors: 0,
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  };
  const health = { state: "idle" as const, sinceMs: 0, reason: "" };
  const graph: GraphSnapshot = {
    asOfMs: 0,
    windowMs: 1,
    view: "service",
    nodes: [
      {
        id: 'external/a"b',
        kind: "external",
        namespace: "",
        label: 'a"b',
        registered: false,
        instances: 0,
        health,
        signals,
      },
    ],
    edges: [],
    totals: signals,
  };
  assert.match(formatDot(graph), /"external\/a\\"b" \[label="a\\"b"/);
});
