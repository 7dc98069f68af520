import assert from "node:assert/strict";
import { test } from "node:test";
import type { LadderWorkload, MtlsScope } from "@heddle/contracts";
import {
  type ModeChoice,
  offeredChoice,
  setCommand,
  setRequest,
  undoRequest,
} from "./flip-choice.ts";

const guard = { windowMs: 60_000, maxRefusals: 5 };
const shipping: MtlsScope = { kind: "workload", namespace: "shop", workload: "shipping-v3" };
const standing = (given: Partial<LadderWorkload>): LadderWorkload => ({
  namespace: "shop",
  workload: "shipping-v3",
  mode: "PERMISSIVE",
  rung: "permissive",
  callersInTheWay: [],
  next: { act: "set-strict", words: "" },
  ...given,
});

const offers: [given: Partial<LadderWorkload>, offered: ModeChoice][] = [
  [{}, "strict"],
  [{ next: { act: "dry-run", words: "" } }, "dry-run"],
  [{ next: { act: "dry-run", words: "" }, dryRunSinceMs: 1 }, "strict"],
  [{ mode: "STRICT" }, "permissive"],
  [{ mode: "DISABLE" }, "strict"],
];
for (const [given, offered] of offers) {
  test(`of ${JSON.stringify(given)} the switch offers ${offered} first`, () => {
    assert.equal(offeredChoice(standing(given)), offered);
  });
}

const commands: [scope: MtlsScope, choice: ModeChoice, max: number | undefined, line: string][] = [
  [shipping, "strict", 5, "heddle mtls set shop/shipping-v3 STRICT --guard 60s"],
  [shipping, "strict", 20, "heddle mtls set shop/shipping-v3 STRICT --guard 60s --max-refusals 20"],
  [shipping, "strict", undefined, "heddle mtls set shop/shipping-v3 STRICT"],
  [shipping, "dry-run", 5, "heddle mtls set shop/shipping-v3 PERMISSIVE --dry-run"],
  [shipping, "permissive", 5, "heddle mtls set shop/shipping-v3 PERMISSIVE"],
  [{ kind: "namespace", namespace: "shop" }, "strict", undefined, "heddle mtls set shop/ STRICT"],
  [{ kind: "mesh" }, "permissive", undefined, "heddle mtls set mesh PERMISSIVE"],
];
for (const [scope, choice, maxRefusals, line] of commands) {
  test(`the line for ${choice} of ${scope.kind} is ${line}`, () => {
    const own = maxRefusals === undefined ? undefined : { ...guard, maxRefusals };
    assert.equal(setCommand(scope, choice, own), line);
  });
}

test("a guard goes with STRICT alone", () => {
  assert.deepEqual(setRequest("strict", guard).guard, guard);
  assert.equal(setRequest("dry-run", guard).guard, undefined);
  assert.deepEqual(setRequest("dry-run", guard), {
    mode: "PERMISSIVE",
    dryRun: true,
    source: "console",
  });
});

test("undoing brings a dry run back as one, and DISABLE as DISABLE", () => {
  assert.equal(undoRequest(standing({ dryRunSinceMs: 5 })).dryRun, true);
  assert.equal(undoRequest(standing({ mode: "DISABLE" })).mode, "DISABLE");
});
