import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type FindSubject, matches, parseFind } from "./find-expression.ts";

const payments: FindSubject = {
  name: "payments v2 payments-v2 ",
  states: ["failing", "canary"],
  figures: { errors: 8.7, rate: 4.2, p50: 38, p95: 412, p99: 1240, mtls: undefined },
};

const cases: Readonly<Record<string, boolean>> = {
  "errors > 5": true,
  "errors>5": true,
  "errors > 5 and rate < 1": false,
  "rate < 1 or p99 >= 1240": true,
  "mtls < 100": false, // not known is not below
  "not mtls < 100": true,
  failing: true,
  idle: false,
  canary: true,
  pay: true,
  "pay v2": true,
  "pay v1": false,
  "rps = 4.2": true,
  "p50 != 38": false,
};
for (const [input, expected] of Object.entries(cases)) {
  test(`payments v2 ${expected ? "matches" : "does not match"} ${input}`, () => {
    const parsed = parseFind(input);
    assert.ok(parsed.ok && parsed.expression !== undefined);
    assert.equal(matches(parsed.expression, payments), expected);
  });
}

const faults: Readonly<Record<string, RegExp>> = {
  "errors >": /errors > needs a number/,
  "errors > many": /needs a number, not "many"/,
  "speed > 3": /"speed" is not a figure; there are errors, rate/,
  "> 5": /">" needs a name/,
  "idle or": /something must follow/,
};
for (const [input, message] of Object.entries(faults)) {
  test(`${input} is refused with a reason`, () => {
    const parsed = parseFind(input);
    assert.ok(!parsed.ok);
    assert.match(parsed.message, message);
  });
}

test("nothing typed is no expression", () => {
  assert.deepEqual(parseFind("  "), { ok: true, expression: undefined });
});

test("whatever is typed gives an expression or a sentence, and never throws", () => {
  fc.assert(
    fc.property(fc.string(), (input) => {
      const parsed = parseFind(input);
      if (parsed.ok)
        return (
          parsed.expression === undefined ||
          typeof matches(parsed.expression, payments) === "boolean"
        );
      return parsed.message.length > 0;
    }),
  );
});
