import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  factsOfStep,
  firstStep,
  isFinished,
  type Rotation,
  type RotationEvent,
  type RotationOf,
  type RotationStep,
  stepRotation,
  stepsOf,
} from "./rotation.ts";

/** `=`: nothing changes; `!`: refused; a step: it moves there. `not ready → ready`, where that matters. */
type Cell =
  | RotationStep
  | "="
  | "!"
  | { readonly waiting: RotationStep | "=" | "!"; readonly ready: RotationStep };
type Table = Record<RotationStep, Record<Exclude<RotationEvent, "pause" | "resume">, Cell>>;

const over = { tick: "=", advance: "!", force: "!", abort: "!" } as const;
const tables: Record<RotationOf, Table> = {
  root: {
    trusting: {
      tick: { waiting: "=", ready: "signing" },
      advance: { waiting: "!", ready: "signing" },
      force: "signing",
      abort: "aborted",
    },
    signing: {
      tick: { waiting: "=", ready: "retiring" },
      advance: { waiting: "!", ready: "retiring" },
      force: "retiring",
      abort: "reverting",
    },
    retiring: {
      tick: { waiting: "=", ready: "done" },
      advance: { waiting: "!", ready: "done" },
      force: "done",
      abort: "!",
    },
    reverting: {
      tick: { waiting: "=", ready: "aborted" },
      advance: { waiting: "!", ready: "aborted" },
      force: "aborted",
      abort: "!",
    },
    done: over,
    aborted: over,
  },
  intermediate: {
    // never reached by an intermediate's rotation: nothing leads there, and nothing leads on
    trusting: {
      tick: "=",
      advance: { waiting: "!", ready: "trusting" },
      force: "=",
      abort: "aborted",
    },
    retiring: { tick: "=", advance: { waiting: "!", ready: "retiring" }, force: "=", abort: "!" },
    signing: {
      tick: { waiting: "=", ready: "done" },
      advance: { waiting: "!", ready: "done" },
      force: "done",
      abort: "reverting",
    },
    reverting: {
      tick: { waiting: "=", ready: "aborted" },
      advance: { waiting: "!", ready: "aborted" },
      force: "aborted",
      abort: "!",
    },
    done: over,
    aborted: over,
  },
};

for (const [of, table] of Object.entries(tables) as [RotationOf, Table][]) {
  for (const [step, row] of Object.entries(table) as [RotationStep, Table[RotationStep]][]) {
    for (const [event, cell] of Object.entries(row) as [RotationEvent, Cell][]) {
      for (const isReady of [false, true]) {
        const expected = typeof cell === "string" ? cell : isReady ? cell.ready : cell.waiting;
        test(`${of}: ${event} in ${step}, ${isReady ? "all ready" : "some not ready"}: ${expected}`, () => {
          const rotation = { of, step, isStepwise: false, isPaused: false };
          const outcome = stepRotation(rotation, event, isReady);
          const found =
            outcome.kind === "moved" ? outcome.rotation.step : outcome.kind === "same" ? "=" : "!";
          assert.equal(found === "=" && expected === step ? step : found, expected);
        });
      }
    }
  }
}

const unfinished: readonly RotationStep[] = ["trusting", "signing", "retiring", "reverting"];
for (const step of unfinished) {
  test(`a paused rotation stays in ${step} whoever is ready, until it is resumed`, () => {
    const running: Rotation = { of: "root", step, isStepwise: false, isPaused: false };
    const paused = stepRotation(running, "pause", true);
    assert.ok(paused.kind === "moved");
    assert.deepEqual(paused.rotation, { ...running, isPaused: true });
    assert.equal(stepRotation(paused.rotation, "tick", true).kind, "same");
    assert.equal(stepRotation(paused.rotation, "advance", true).kind, "refused");
    assert.equal(stepRotation(paused.rotation, "force", true).kind, "refused");
    assert.deepEqual(stepRotation(paused.rotation, "resume", true), {
      kind: "moved",
      rotation: running,
    });
  });
}

test("a stepwise rotation goes on when somebody advances it, and back by itself", () => {
  const stepwise: Rotation = { of: "root", step: "signing", isStepwise: true, isPaused: false };
  assert.equal(stepRotation(stepwise, "tick", true).kind, "same");
  assert.equal(stepRotation(stepwise, "advance", true).kind, "moved");
  const back: Rotation = { ...stepwise, step: "reverting" };
  assert.equal(stepRotation(back, "tick", true).kind, "moved");
});

const kinds = fc.constantFrom<RotationOf>("root", "intermediate");
const events = fc.array(
  fc.tuple(
    fc.constantFrom<RotationEvent>("tick", "advance", "force", "pause", "resume", "abort"),
    fc.boolean(),
  ),
  { maxLength: 40 },
);

test("on every way through a rotation, who signs is believed before, during and after the step", () => {
  fc.assert(
    fc.property(kinds, fc.boolean(), events, (of, isStepwise, happenings) => {
      let rotation: Rotation = { of, step: firstStep(of), isStepwise, isPaused: false };
      for (const [event, isReady] of happenings) {
        const outcome = stepRotation(rotation, event, isReady);
        if (outcome.kind !== "moved") continue;
        const before = factsOfStep(rotation.step);
        const after = factsOfStep(outcome.rotation.step);
        const isBelieved = (facts: typeof before, signer: "old" | "new") =>
          signer === "old" ? facts.believesOld : facts.believesNew;
        assert.ok(isBelieved(after, after.signer));
        if (of === "root") {
          assert.ok(
            isBelieved(before, after.signer),
            `${rotation.step} → ${outcome.rotation.step}`,
          );
          assert.ok(
            isBelieved(after, before.signer),
            `${rotation.step} → ${outcome.rotation.step}`,
          );
        }
        rotation = outcome.rotation;
      }
    }),
  );
});

test("a rotation in which everybody gets ready comes to its end, through the steps it tells", () => {
  for (const kind of ["root", "intermediate"] as const) {
    let rotation: Rotation = {
      of: kind,
      step: firstStep(kind),
      isStepwise: false,
      isPaused: false,
    };
    const seen = [rotation.step];
    while (!isFinished(rotation)) {
      const outcome = stepRotation(rotation, "tick", true);
      assert.ok(outcome.kind === "moved");
      rotation = outcome.rotation;
      seen.push(rotation.step);
    }
    assert.deepEqual(seen, stepsOf({ of: kind, step: firstStep(kind) }));
  }
});
