import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TrafficTally } from "../signals/traffic-tally.ts";
import { FALSE_VERDICT_RATIO, judgeEffect } from "./judge-effect.ts";

const FINAL = { services: 1, isFinal: true };

/** How one service behaves: its steps differ among each other by `burst` (0: not more than chance makes them). */
type Behaviour = {
  readonly perStep: number;
  readonly errorRatio: number;
  readonly medianMs: number;
  readonly burst: number;
};
const CALM: Behaviour = { perStep: 100, errorRatio: 0.01, medianMs: 20, burst: 0 };

/** Numbers in [0, 1) that the seed decides (mulberry32). */
function drawsOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(draw: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

function steps(behaviour: Behaviour, count: number, draw: () => number): TrafficTally[] {
  return Array.from({ length: count }, () => {
    const mood = Math.exp(behaviour.burst * normal(draw));
    const tally = new TrafficTally();
    tally.requests = Math.max(0, Math.round(behaviour.perStep * (0.8 + 0.4 * draw())));
    let errors = 0;
    for (let i = 0; i < tally.requests; i++) {
      if (draw() < behaviour.errorRatio * mood) errors += 1;
      tally.latency.record(behaviour.medianMs * Math.exp(0.5 * normal(draw)) * mood ** 0.3);
    }
    tally.addErrors("app", errors);
    tally.mtlsRequests = tally.requests;
    return tally;
  });
}

for (const [what, behaviour] of Object.entries({
  "a calm service": CALM,
  "a service with few requests": { ...CALM, perStep: 5, errorRatio: 0.05 },
  "a service that fails in bursts": { ...CALM, burst: 0.7, errorRatio: 0.02 },
  "a service that hardly fails": { ...CALM, errorRatio: 0.0005 },
})) {
  test(`of changes that change nothing at most one in a hundred gets a verdict: ${what}`, () => {
    const runs = 300;
    const draw = drawsOf(20_260_504);
    let wrong = 0;
    for (let run = 0; run < runs; run++) {
      const after = run % 2 === 0 ? 36 : 8; // also where the next change cuts the minutes after short
      const judged = judgeEffect(steps(behaviour, 36, draw), steps(behaviour, after, draw), FINAL);
      if (judged.verdict === "worse" || judged.verdict === "better") wrong += 1;
    }
    assert.ok(wrong <= runs * FALSE_VERDICT_RATIO, `${wrong} of ${runs}`);
  });
}

const shifts: Record<string, { after: Partial<Behaviour>; signal: string; verdict: string }> = {
  "errors 1 to 3 %": { after: { errorRatio: 0.03 }, signal: "errorRatio", verdict: "worse" },
  "errors 1 to 0.1 %": { after: { errorRatio: 0.001 }, signal: "errorRatio", verdict: "better" },
  "latency up by a third": { after: { medianMs: 27 }, signal: "p50Ms", verdict: "worse" },
  "latency down by a third": { after: { medianMs: 14 }, signal: "p95Ms", verdict: "better" },
  "p99 doubled": { after: { medianMs: 40 }, signal: "p99Ms", verdict: "worse" },
  "latency up by 5 %": { after: { medianMs: 21 }, signal: "p50Ms", verdict: "no-change" },
  "errors 1 to 1.1 %": { after: { errorRatio: 0.011 }, signal: "errorRatio", verdict: "no-change" },
};
for (const [what, { after, signal, verdict }] of Object.entries(shifts)) {
  test(`${what} is ${verdict}, whichever requests there were`, () => {
    const draw = drawsOf(77);
    const judged = Array.from({ length: 60 }, () =>
      judgeEffect(steps(CALM, 36, draw), steps({ ...CALM, ...after }, 36, draw), FINAL),
    );
    const found = judged.filter(
      ({ signals }) => signals.find((one) => one.signal === signal)?.verdict === verdict,
    );
    assert.ok(found.length >= 57, `${found.length} of 60`);
  });
}

test("errors that begin in the last of six minutes are seen", () => {
  const draw = drawsOf(5);
  const before = steps({ ...CALM, errorRatio: 0.003 }, 36, draw);
  const after = [
    ...steps({ ...CALM, errorRatio: 0.003 }, 30, draw),
    ...steps({ ...CALM, errorRatio: 0.4 }, 6, draw),
  ];
  assert.equal(judgeEffect(before, after, FINAL).verdict, "worse");
});

test("an early look needs more to say so than the last one", () => {
  const sideOf = (errors: number) => [
    ...Array.from({ length: 36 }, (_, i) => {
      const tally = new TrafficTally();
      tally.requests = 100;
      tally.addErrors("app", i < errors ? 1 : 0);
      return tally;
    }),
  ];
  const early = judgeEffect(sideOf(4), sideOf(25), { services: 1, isFinal: false });
  const last = judgeEffect(sideOf(4), sideOf(25), FINAL);
  assert.deepEqual([early.verdict, last.verdict], ["no-change", "worse"]);
});

const anyTally = fc
  .record({
    requests: fc.nat({ max: 400 }),
    failing: fc.double({ min: 0, max: 1, noNaN: true }),
    plain: fc.double({ min: 0, max: 1, noNaN: true }),
    latencies: fc.array(fc.tuple(fc.double({ min: 0, max: 5000, noNaN: true }), fc.nat(100)), {
      maxLength: 5,
    }),
  })
  .map(({ requests, failing, plain, latencies }) => {
    const tally = new TrafficTally();
    tally.requests = requests;
    tally.addErrors("app", Math.floor(requests * failing));
    tally.plaintextRequests = Math.floor(requests * plain);
    tally.mtlsRequests = requests - tally.plaintextRequests;
    for (const [ms, count] of latencies) tally.latency.record(ms, count);
    return tally;
  });
const anySide = fc.array(anyTally, { maxLength: 12 });
const OPPOSITE: Record<string, string> = { worse: "better", better: "worse" };

test("what is better one way is worse the other way", () => {
  fc.assert(
    fc.property(anySide, anySide, (before, after) => {
      const forth = judgeEffect(before, after, FINAL).signals;
      const back = judgeEffect(after, before, FINAL).signals;
      for (const [index, { signal, verdict }] of forth.entries()) {
        const other = back[index]?.verdict;
        // Errors that come late are worse; that they were late and went is no merit of the change.
        const isLate =
          signal === "errorRatio" && (verdict === "no-change" || other === "no-change");
        if (isLate) assert.ok(verdict !== "better" && other !== "better");
        else if (signal !== "errorRatio" || verdict === "better") {
          assert.equal(other, OPPOSITE[verdict] ?? verdict);
        }
      }
    }),
  );
});

test("the same traffic on both sides never gets a verdict", () => {
  fc.assert(
    fc.property(anySide, (side) => {
      const { verdict } = judgeEffect(side, [...side].reverse(), FINAL);
      assert.ok(verdict === "no-change" || verdict === "not-enough-traffic", verdict);
    }),
  );
});

test("without requests on one side there is never a verdict", () => {
  fc.assert(
    fc.property(anySide, fc.nat({ max: 40 }), (side, quiet) => {
      const silence = Array.from({ length: quiet }, () => new TrafficTally());
      assert.equal(judgeEffect(side, silence, FINAL).verdict, "not-enough-traffic");
      assert.equal(judgeEffect(silence, side, FINAL).verdict, "not-enough-traffic");
    }),
  );
});
