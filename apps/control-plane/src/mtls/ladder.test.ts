import assert from "node:assert/strict";
import { test } from "node:test";
import type { LadderResponse, PreflightCaller, PreflightWorkload } from "@heddle/contracts";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";
import { describeLadder } from "./ladder.ts";

const NOW_MS = 10_000_000;

function peerAuthentication(name: string, namespace: string, spec: string): string {
  return document("PeerAuthentication", name, namespace, spec);
}

function caller(workload: string, more: Partial<PreflightCaller> = {}): PreflightCaller {
  return {
    namespace: "shop",
    workload,
    sourceAddress: "10.0.4.17",
    names: [{ kind: "WorkloadEntry", namespace: "shop", name: "legacy-billing" }],
    label: "legacy-billing",
    requests: 40,
    requestsPerSecond: 0.6,
    refused: 0,
    reasons: ["plaintext"],
    lastSeenMs: NOW_MS,
    ...more,
  };
}

/** Modes as the documents give them to one workload a name. */
function ladder(
  documents: readonly string[],
  names: readonly string[],
  more: {
    readonly callers?: readonly PreflightCaller[];
    readonly countedUntilMs?: number | undefined;
    readonly guards?: ReadonlyMap<string, string>;
  } = {},
): LadderResponse {
  const snapshot = compileSnapshot(
    1,
    documents.length > 0 ? parseDocuments(...documents) : new Map(),
  );
  const workloads = names.map((name): PreflightWorkload => {
    const about = { namespace: "shop", labels: { app: name } };
    const { mode } = snapshot.workloads.effectiveMtls(about);
    const dryRun = snapshot.workloads.strictDryRun(about);
    return {
      namespace: "shop",
      workload: name,
      mode,
      ...(dryRun && { dryRunSinceMs: NOW_MS - 60_000 }),
    };
  });
  const { callers = [], countedUntilMs = NOW_MS, guards = new Map() } = more;
  const preflight = { windowMs: 3_600_000, countedUntilMs, workloads, callers: [...callers] };
  return describeLadder({ snapshot, preflight, guards, nowMs: NOW_MS });
}

const DRY_RUN = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: cart, namespace: shop, annotations: {heddle.dev/mtls-dry-run: STRICT}}
spec: {selector: {matchLabels: {app: cart}}, mtls: {mode: PERMISSIVE}}`;
const CART_STRICT = peerAuthentication(
  "cart",
  "shop",
  "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}}",
);
const SHOP_STRICT = peerAuthentication("default", "shop", "{mtls: {mode: STRICT}}");
const MESH_STRICT = peerAuthentication("default", "istio-system", "{mtls: {mode: STRICT}}");
const WEB_OPEN = peerAuthentication(
  "web",
  "shop",
  "{selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}}",
);
const PORT_OPEN = peerAuthentication(
  "web",
  "shop",
  '{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {"80": {mode: DISABLE}}}',
);

const rungs: Record<string, { documents: readonly string[]; rung: string }> = {
  "nothing says anything": { documents: [], rung: "permissive" },
  "its policy has a dry run": { documents: [DRY_RUN], rung: "dry-run" },
  "its own policy is STRICT": { documents: [CART_STRICT], rung: "strict" },
  "its namespace is STRICT": { documents: [SHOP_STRICT], rung: "strict-for-all" },
  "the mesh is STRICT": { documents: [MESH_STRICT], rung: "strict-for-all" },
  "its namespace is STRICT but for another": { documents: [SHOP_STRICT, WEB_OPEN], rung: "strict" },
  "its namespace is STRICT but for a port": { documents: [SHOP_STRICT, PORT_OPEN], rung: "strict" },
  "its own policy says DISABLE": {
    documents: [
      peerAuthentication(
        "cart",
        "shop",
        "{selector: {matchLabels: {app: cart}}, mtls: {mode: DISABLE}}",
      ),
    ],
    rung: "disabled",
  },
};
for (const [when, { documents, rung }] of Object.entries(rungs)) {
  test(`a workload stands on ${rung} when ${when}`, () => {
    const answer = ladder(documents, ["cart"]);
    assert.equal(answer.workloads[0]?.rung, rung);
    assert.equal(answer.rungs[rung as keyof typeof answer.rungs], 1);
  });
}

const nexts: Record<string, { answer: () => LadderResponse; act: string; words: RegExp }> = {
  "a dry run first": {
    answer: () => ladder([], ["cart"], { callers: [caller("cart")] }),
    act: "dry-run",
    words: /Count what STRICT would refuse at cart/,
  },
  "callers in, while a dry run counts them": {
    answer: () => ladder([DRY_RUN], ["cart"], { callers: [caller("cart", { wouldBeRefused: 9 })] }),
    act: "bring-in-callers",
    words: /^Bring legacy-billing into the mesh: it would be refused, 0\.6 rps\.$/,
  },
  "STRICT once a dry run has refused nobody": {
    answer: () => ladder([DRY_RUN], ["cart"], { callers: [caller("cart", { wouldBeRefused: 0 })] }),
    act: "set-strict",
    words: /nobody would have been refused in 60 s/,
  },
  "patience while nobody counts": {
    answer: () => ladder([DRY_RUN], ["cart"], { countedUntilMs: NOW_MS - 60_000 }),
    act: "wait",
    words: /Wait for the collector/,
  },
  "patience while a guard runs": {
    answer: () => ladder([CART_STRICT], ["cart"], { guards: new Map([["shop/cart", "g"]]) }),
    act: "wait",
    words: /A guard watches cart/,
  },
  "STRICT for all of a namespace once all are": {
    answer: () => ladder([CART_STRICT], ["cart"]),
    act: "set-strict-for-all",
    words: /Make STRICT what holds for all of shop: every workload is STRICT already/,
  },
  "STRICT for the mesh at last": {
    answer: () => ladder([SHOP_STRICT], ["cart"]),
    act: "set-strict-for-all",
    words: /for all of the mesh/,
  },
  "nothing more when the mesh is STRICT": {
    answer: () => ladder([MESH_STRICT], ["cart"]),
    act: "none",
    words: /The mesh takes mTLS alone/,
  },
};
for (const [what, { answer, act, words }] of Object.entries(nexts)) {
  test(`the ladder asks for ${what}`, () => {
    const { next } = answer();
    assert.equal(next.act, act);
    assert.match(next.words, words);
  });
}

test("the riskiest workload comes first, and callers are counted once", () => {
  const callers = [
    caller("web", { requestsPerSecond: 2 }),
    caller("cart"),
    caller("cart", { requests: 0 }),
  ];
  const answer = ladder([], ["api", "cart", "web"], { callers });
  assert.deepEqual(
    answer.workloads.map(({ workload, callersInTheWay }) => [workload, callersInTheWay.length]),
    [
      ["web", 1],
      ["cart", 1],
      ["api", 0],
    ],
  );
  assert.deepEqual([answer.workloadsToGo, answer.callersInTheWay], [3, 1]);
});
