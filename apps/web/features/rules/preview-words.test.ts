import assert from "node:assert/strict";
import { test } from "node:test";
import type { PreviewResponse } from "@heddle/contracts";
import { applyWords, ratesOf, rateWords } from "./preview-words.ts";

type Line = PreviewResponse["services"][number]["lines"][number];

const line = (over: Partial<Line>): Line => ({
  request: "any",
  route: "everyone",
  change: "changed",
  fate: "forwarded",
  goesTo: "v1",
  ...over,
});

function previewOf(over: {
  proxyCount?: number;
  perSecond?: number;
  lines?: readonly Line[];
  faults?: number;
}) {
  const { proxyCount = 2, perSecond, lines = [], faults = 0 } = over;
  const notes = Array.from({ length: faults }, () => ({ level: "fault" }));
  const service = { service: "shop/reviews", lines: [...lines], before: [], after: [] };
  return {
    revision: 213,
    notes,
    services: [{ ...service, otherChanges: [] }],
    blastRadius: { perSecond, proxyCount },
  } as unknown as PreviewResponse;
}

test("applying is told with the revision it makes and who takes it", () => {
  assert.match(applyWords(previewOf({}), true), /revision 214 or later\. 2\sproxies take it/);
  assert.match(applyWords(previewOf({ proxyCount: 1 }), true), /1\sproxy takes it/);
  assert.match(applyWords(previewOf({ proxyCount: 0 }), true), /No proxy is concerned now/);
});

test("what cannot be applied says so instead of what it would do", () => {
  assert.match(applyWords(previewOf({ faults: 2 }), true), /2\serrors stand against it/);
});

test("without a preview it is still told how to take it back, and without a change what to do", () => {
  assert.match(applyWords(undefined, true), /History takes it back/);
  assert.match(applyWords(undefined, false), /^Change something/);
});

test("a rate that is not known or zero is not mentioned in the question", () => {
  assert.equal(rateWords(previewOf({})), "");
  assert.equal(rateWords(previewOf({ perSecond: 0 })), "");
  assert.match(rateWords(previewOf({ perSecond: 96 })), /^, which 96\.0\srps pass$/);
});

test("a route's rate is what its forwarded lines come to; timeouts and unknown rates add nothing", () => {
  const lines = [
    line({ goesTo: "v1", beforePerSecond: 60 }),
    line({ goesTo: "v2", beforePerSecond: 30 }),
    line({ goesTo: "504", fate: "timed-out", beforePerSecond: 5 }),
    line({ route: "testers" }),
  ];
  assert.deepEqual([...ratesOf(previewOf({ lines }))], [["everyone", 90]]);
});
