import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphSnapshot, PlaintextCaller, WorkloadState } from "@heddle/contracts";
import {
  acceptedCallers,
  callerName,
  encryptedShare,
  inOrder,
  type MtlsMode,
  mtlsRows,
} from "./mtls-rows.ts";

const workload = (name: string, mtlsMode: MtlsMode): WorkloadState => ({
  namespace: "shop",
  name,
  service: name,
  labels: {},
  identity: `spiffe://cluster.local/ns/shop/sa/${name}`,
  mtlsMode,
  instances: [],
});
const caller = (
  to: string,
  requests: number,
  requestsPerSecond: number,
  refused = 0,
): PlaintextCaller => ({
  namespace: "shop",
  workload: to,
  sourceAddress: "127.0.4.17",
  requests,
  requestsPerSecond,
  refused,
  lastSeenMs: 0,
});
const edge = (requests: number, mtlsRatio?: number): GraphSnapshot["edges"][number] => ({
  id: "a->b",
  source: "a",
  destination: "b",
  protocol: "http",
  health: { state: "healthy", sinceMs: 0, reason: "" },
  signals: {
    requests,
    requestsPerSecond: requests / 30,
    errors: 0,
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  },
  mtlsRatio,
  whoFailed: { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 },
  lastRequestMs: 0,
});

test("puts the riskiest workload first", () => {
  const rows = mtlsRows(
    [
      workload("strict", "STRICT"),
      workload("open", "PERMISSIVE"),
      workload("once", "PERMISSIVE"),
      workload("now", "PERMISSIVE"),
      workload("refusing", "STRICT"),
    ],
    undefined,
    [caller("once", 2, 0), caller("now", 9, 0.6), caller("refusing", 0, 0, 4)],
  );
  assert.deepEqual(
    rows.map((row) => row.workload.name),
    ["now", "once", "open", "refusing", "strict"],
  );
});

test("counts as breakable only callers whose plaintext was taken", () => {
  const [row] = mtlsRows([workload("shipping", "PERMISSIVE")], undefined, [
    caller("shipping", 0, 0, 6),
    caller("shipping", 18, 0.6),
    caller("cart", 1, 0.1),
  ]);
  assert.ok(row);
  assert.deepEqual(
    acceptedCallers(row).map((one) => one.requests),
    [18],
  );
  assert.equal(row.callers.length, 2);
});

test("weighs the share of mTLS by requests and leaves out edges nobody reported on", () => {
  assert.equal(encryptedShare([edge(90, 1), edge(10, 0), edge(1000)]), 0.9);
  assert.equal(encryptedShare([edge(5)]), undefined);
  assert.equal(encryptedShare([]), undefined);
});

test("names a caller after its WorkloadEntry, and says when there is none", () => {
  assert.equal(
    callerName({ ...caller("a", 1, 1), sourceName: "legacy-billing" }),
    "legacy-billing",
  );
  assert.equal(callerName(caller("a", 1, 1)), "Not known");
});

test("keeps an order that was there and puts newcomers after it", () => {
  const rows = mtlsRows(
    [workload("a", "STRICT"), workload("b", "PERMISSIVE"), workload("c", "PERMISSIVE")],
    undefined,
    [],
  );
  assert.deepEqual(
    inOrder(rows, ["shop/c", "shop/a"]).map((row) => row.workload.name),
    ["c", "a", "b"],
  );
});
