import assert from "node:assert/strict";
import { test } from "node:test";
import type { LadderResponse, PreflightCaller } from "@heddle/contracts";
import { formatGuards, formatLadder, formatModes, formatPreflight } from "./mtls-tables.ts";

const NOW_MS = Date.now();
const SHIPPING = { namespace: "shop", workload: "shipping-v3", mode: "PERMISSIVE" } as const;
const LEGACY: PreflightCaller = {
  namespace: "shop",
  workload: "shipping-v3",
  sourceAddress: "10.0.4.17",
  names: [{ kind: "WorkloadEntry", namespace: "shop", name: "legacy-billing" }],
  label: "legacy-billing",
  requests: 51_840,
  requestsPerSecond: 0.6,
  refused: 0,
  wouldBeRefused: 864,
  reasons: ["plaintext"],
  lastSeenMs: NOW_MS - 2000,
};
const STRANGER: PreflightCaller = {
  ...LEGACY,
  ...{ sourceAddress: "10.0.9.3", names: [], label: "not known", requests: 2 },
  ...{ requestsPerSecond: 0, wouldBeRefused: 0, lastSeenMs: NOW_MS - 5 * 3_600_000 },
};

test("modes are listed with their dry run and the policy they come from", () => {
  const workload = { service: "s", labels: {}, identity: "", instances: [] };
  const text = formatModes({
    workloads: [
      {
        ...workload,
        namespace: "shop",
        name: "cart",
        mtlsMode: "PERMISSIVE",
        isStrictDryRun: true,
      },
      { ...workload, namespace: "shop", name: "web", mtlsMode: "STRICT", mtlsPolicy: "shop/web" },
    ],
  });
  assert.equal(
    text,
    [
      "WORKLOAD   MODE        DRY RUN  FROM",
      "shop/cart  PERMISSIVE  STRICT   default",
      "shop/web   STRICT      -        PeerAuthentication shop/web",
    ].join("\n"),
  );
});

test("the preflight lists each caller with what the dry run has counted", () => {
  const answer = {
    windowMs: 86_400_000,
    countedUntilMs: NOW_MS - 1000,
    workloads: [{ ...SHIPPING, dryRunSinceMs: NOW_MS - 24 * 60_000 }],
    callers: [LEGACY, STRANGER],
  };
  assert.equal(
    formatPreflight(answer, NOW_MS),
    [
      "WORKLOAD          CALLER          ADDRESS    RATE     REQUESTS  REFUSED  LAST SEEN  DRY RUN",
      "shop/shipping-v3  legacy-billing  10.0.4.17  0.6 rps  51840     0        2 s ago    864 would be refused in 24 min",
      "shop/shipping-v3  not known       10.0.9.3   0 rps    2         0        5 h ago    none in 24 min",
    ].join("\n"),
  );
});

test("a preflight without callers says for how long, and whether anybody counted", () => {
  const answer = { windowMs: 300_000, workloads: [SHIPPING], callers: [] };
  assert.equal(
    formatPreflight(answer, NOW_MS),
    "warning: no collector has counted in the last day; nobody knows who sends plaintext\nno plaintext in the last 5 min",
  );
  assert.match(
    formatPreflight({ ...answer, countedUntilMs: NOW_MS - 600_000 }, NOW_MS),
    /^warning: the collector has counted nothing for 10 min\n/,
  );
});

test("the ladder says where workloads stand, who is in the way and the one next act", () => {
  const next = { act: "bring-in-callers", words: "Bring legacy-billing into the mesh." } as const;
  const answer: LadderResponse = {
    windowMs: 3_600_000,
    countedUntilMs: Date.now(),
    rungs: { disabled: 0, permissive: 0, "dry-run": 1, strict: 0, "strict-for-all": 0 },
    workloads: [{ ...SHIPPING, rung: "dry-run", callersInTheWay: [LEGACY, STRANGER], next }],
    scopes: [],
    workloadsToGo: 1,
    callersInTheWay: 2,
    next: { ...next, command: "heddle run --service legacy-billing -- COMMAND" },
  };
  assert.equal(
    formatLadder(answer),
    [
      "0 permissive → 1 dry run → 0 strict → 0 strict for all; 1 workload to go, 2 callers in the way",
      "",
      "WORKLOAD          RUNG     IN THE WAY                              NEXT",
      "shop/shipping-v3  dry-run  legacy-billing 0.6 rps, 10.0.9.3 0 rps  Bring legacy-billing into the mesh.",
      "",
      "next: Bring legacy-billing into the mesh.",
      "  heddle run --service legacy-billing -- COMMAND",
    ].join("\n"),
  );
});

test("guards are listed with how they stand", () => {
  const guard = {
    id: "11111111-1111-4111-8111-111111111111",
    scope: { kind: "namespace", namespace: "shop" },
    policy: "shop/default",
    previousMode: "PERMISSIVE",
    revision: 7,
    startedBy: "ada",
    startedAtMs: NOW_MS - 22_000,
    endsAtMs: NOW_MS + 38_000,
    windowMs: 60_000,
    maxRefusals: 5,
    workloads: ["shop/shipping-v3"],
    status: "running",
    refused: 2,
    callers: [],
    waitingFor: [],
    words: "2 refused, taken back after 5; 38 s left.",
  } as const;
  assert.match(
    formatGuards(
      { guards: [{ ...guard, workloads: [...guard.workloads], callers: [], waitingFor: [] }] },
      NOW_MS,
    ),
    /\n1{8}\S+ {2}shop\/ {2}running {2}2 {8}5 {3}ada {2}22 s ago {2}2 refused, taken back after 5; 38 s left\.$/,
  );
});
