import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphSnapshot, LadderWorkload, WorkloadState } from "@heddle/contracts";
import { callerInWords, callerTitle, encryptedShare, mtlsRows } from "./mtls-rows.ts";
import { caller } from "./test-callers.ts";

const onLadder = (workload: string): LadderWorkload => ({
  namespace: "shop",
  workload,
  mode: "PERMISSIVE",
  rung: "permissive",
  callersInTheWay: [],
  next: { act: "none", words: "" },
});
const registered = (name: string): WorkloadState => ({
  namespace: "shop",
  name,
  service: name,
  labels: {},
  identity: `spiffe://cluster.local/ns/shop/sa/${name}`,
  mtlsMode: "PERMISSIVE",
  instances: [],
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

test("keeps the ladder's order and tells of a workload that has gone meanwhile that it is not registered", () => {
  const rows = mtlsRows([onLadder("cart"), onLadder("gone")], [registered("cart")], undefined);
  assert.deepEqual(
    rows.map(({ id, state }) => [id, state?.name]),
    [
      ["shop/cart", "cart"],
      ["shop/gone", undefined],
    ],
  );
});

test("weighs the share of mTLS by requests and leaves out edges nobody reported on", () => {
  assert.equal(encryptedShare([edge(90, 1), edge(10, 0), edge(1000)]), 0.9);
  assert.equal(encryptedShare([edge(5)]), undefined);
  assert.equal(encryptedShare([]), undefined);
});

test("names a caller after its WorkloadEntry, and begins a line of doubt in upper case", () => {
  assert.equal(callerTitle(caller({ known: "legacy-billing" })), "legacy-billing");
  assert.equal(callerTitle(caller({})), "Not known");
  assert.equal(callerInWords(caller({ known: "legacy-billing" })), "legacy-billing");
  assert.equal(callerInWords(caller({})), "10.0.4.17");
});
