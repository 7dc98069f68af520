import assert from "node:assert/strict";
import { test } from "node:test";
import { guardForecast, refusedWords, strictWords } from "./flip-words.ts";
import { caller } from "./test-callers.ts";

const DAY_MS = 86_400_000;
const guard = { windowMs: 60_000, maxRefusals: 5 };
const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("names the one caller that would be refused, its rate, and when the guard would take STRICT back", () => {
  const { tone, lead, rest } = strictWords([caller({ known: "legacy-billing" })], guard, DAY_MS);
  assert.equal(tone, "warn");
  assert.equal(plain(lead), "legacy-billing would be refused, 0.6 rps.");
  assert.equal(
    plain(rest),
    "The guard takes STRICT back if more than 5 requests are refused within 60 s; at this rate it would, after about 10 s.",
  );
});

test("counts several callers, and says of those that are silent now how much they sent", () => {
  const silent = caller({ requestsPerSecond: 0, requests: 2 });
  const { lead } = strictWords([silent, { ...silent, sourceAddress: "10.0.9.3" }], guard, DAY_MS);
  assert.equal(plain(lead), "2 callers would be refused, 4 requests in the last 24 h, none now.");
});

test("names who sends now, and says how many others were seen before", () => {
  const silent = caller({ requestsPerSecond: 0, requests: 2, sourceAddress: "10.0.9.3" });
  const { lead, rest } = strictWords([caller({}), silent], guard, DAY_MS);
  assert.equal(plain(lead), "10.0.4.17 would be refused, 0.6 rps.");
  assert.match(plain(rest), /^1 other seen in the last 24 h, silent now\. The guard/);
});

test("says that nobody would be refused where nothing but mTLS came in", () => {
  const refused = caller({ requests: 0, refused: 4, requestsPerSecond: 0 });
  assert.equal(strictWords([refused], guard, DAY_MS).tone, "ok");
});

test("counts what a dry run would refuse although nothing was counted as accepted yet", () => {
  const counted = caller({ requests: 0, wouldBeRefused: 3 });
  assert.equal(strictWords([counted], guard, DAY_MS).tone, "warn");
});

const forecasts: [maxRefusals: number, rate: number, words: RegExp][] = [
  [5, 0.6, /after about 10 s/],
  [5, 0.05, /would not: about 3 in that time/],
  [5, 0, /nobody of them sends at the moment/],
  [0, 10, /if any request is refused .* after about 1 s/],
  [1, 1, /more than 1 request is refused/],
];
for (const [maxRefusals, rate, words] of forecasts) {
  test(`at ${rate} rps a guard that allows ${maxRefusals} says ${words.source}`, () => {
    assert.match(plain(guardForecast({ windowMs: 60_000, maxRefusals }, rate)), words);
  });
}

test("tells under STRICT who was refused, or that nobody was", () => {
  const { tone, lead, rest } = refusedWords([caller({ refused: 6, requests: 0 })], DAY_MS);
  assert.equal(tone, "warn");
  assert.equal(plain(`${lead} ${rest}`), "6 tries were refused in the last 24 h, from 10.0.4.17.");
  assert.equal(refusedWords([], DAY_MS).tone, "ok");
});
