import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlaintextCaller } from "@heddle/contracts";
import { CALLER_WINDOWS } from "./caller-windows.ts";
import type { MtlsMode, MtlsRow } from "./mtls-rows.ts";
import { preflightWords } from "./preflight-words.ts";

const legacy: PlaintextCaller = {
  namespace: "shop",
  workload: "shipping-v3",
  sourceAddress: "127.0.4.17",
  sourceName: "legacy-billing",
  requests: 51_840,
  requestsPerSecond: 0.6,
  refused: 0,
  lastSeenMs: 0,
};
const row = (mtlsMode: MtlsMode, callers: readonly PlaintextCaller[]): MtlsRow => ({
  workload: {
    namespace: "shop",
    name: "shipping-v3",
    service: "shipping",
    labels: {},
    identity: "",
    mtlsMode,
    instances: [],
  },
  id: "shop/shipping-v3",
  mtlsRatio: 0.98,
  requestsPerSecond: 10,
  callers,
});
const words = (of: MtlsRow, isKnown = true): string => {
  const { lead, rest } = preflightWords(of, isKnown, CALLER_WINDOWS[3]);
  return `${lead} ${rest}`.replaceAll("\u00a0", " ");
};

test("names the one caller that would be refused, with its rate", () => {
  assert.equal(
    words(row("PERMISSIVE", [legacy])),
    "legacy-billing would be refused, 0.6 rps. 51,840 plaintext requests in the last 24 h.",
  );
});

test("counts callers when there are several, and names an unknown one by its address", () => {
  const { sourceName: _, ...unknown } = legacy;
  assert.match(words(row("PERMISSIVE", [legacy, unknown])), /^2 callers would be refused, 1.2 rps/);
  assert.match(words(row("PERMISSIVE", [unknown])), /^127.0.4.17 would be refused/);
});

test("says that nobody would break only when it knows", () => {
  assert.match(words(row("PERMISSIVE", [])), /^Nobody would be refused/);
  assert.match(words(row("PERMISSIVE", []), false), /^Who would break is not known/);
});

test("counts refusals under STRICT", () => {
  assert.match(
    words(row("STRICT", [{ ...legacy, requests: 0, refused: 6 }])),
    /^6 connections were refused in the last 24 h, from 1 address\./,
  );
  assert.match(words(row("STRICT", [])), /^Only mTLS comes in\./);
});
