import assert from "node:assert/strict";
import { test } from "node:test";
import { answerInWords, flagAdvice, flagsInWords } from "./flag-words.ts";

const flags: Record<string, string | undefined> = {
  UF: "connection failed",
  "URX,UF": "retries used up, connection failed",
  XX: "XX",
  "-": undefined,
  "": undefined,
};
for (const [given, words] of Object.entries(flags)) {
  test(`the flags "${given}" read ${words ?? "as nothing"}`, () => {
    assert.equal(flagsInWords(given), words);
  });
}

test("the advice is that of the first flag that has one", () => {
  assert.match(flagAdvice("XX,UH") ?? "", /endpoints/);
  assert.equal(flagAdvice("-"), undefined);
});

test("an answer reads by its gRPC status, its code, or its absence", () => {
  assert.equal(answerInWords(200, "14"), "gRPC UNAVAILABLE");
  assert.equal(answerInWords(503, undefined), "503");
  assert.equal(answerInWords(0, undefined), "no answer");
});
