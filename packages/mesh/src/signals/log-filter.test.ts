import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileLogFilter, InvalidLogFilterError, type LogFacts } from "./log-filter.ts";

const good: LogFacts = {
  code: 200,
  grpcStatus: 0,
  durationMs: 12,
  requestBytes: 10,
  responseBytes: 2_000,
};

const cases: [expression: string, facts: Partial<LogFacts>, keeps: boolean][] = [
  ["true", {}, true],
  ["false", {}, false],
  ["response.code >= 400", {}, false],
  ["response.code >= 400", { code: 404 }, true],
  ["400 <= response.code", { code: 404 }, true],
  ["500 > response.code", { code: 404 }, true],
  ["response.code==503", { code: 503 }, true],
  ["response.code != 200", {}, false],
  ["response.code >= 500 || response.grpc_status > 0", { grpcStatus: 14 }, true],
  ["response.code >= 400 && request.duration > duration('1s')", { code: 500 }, false],
  ['request.duration >= duration("10ms")', {}, true],
  ['request.duration > duration("1m0.5s")', { durationMs: 60_501 }, true],
  ['request.duration > duration("1m0.5s")', { durationMs: 60_500 }, false],
  ["!(response.code < 400)", { code: 404 }, true],
  ["!true || response.size > 1000", {}, true],
  ["false && false || true", {}, true],
  ["true || false && false", {}, true],
  ["request.size == 10", {}, true],
];
for (const [expression, facts, keeps] of cases) {
  const what = `${JSON.stringify(facts)} under ${expression}`;
  test(`${keeps ? "keeps" : "leaves out"} ${what}`, () => {
    assert.equal(compileLogFilter(expression)({ ...good, ...facts }), keeps);
  });
}

const refused: [expression: string, problem: RegExp][] = [
  ["", /it is empty/],
  ["response.code", /a comparison .* is missing/],
  ["response.code >= ", /ends too soon/],
  ["response.code >= '400'", /is not understood/],
  ["request.headers['x'] == 'y'", /"request.headers" is not known|is not understood/],
  ["has(response.code)", /"has" is not known/],
  ["connection.mtls == 1", /"connection.mtls" is not known/],
  ["response.code == response.size", /only be compared with a literal/],
  ["1 == 1", /only be compared with a literal/],
  ["request.duration > 500", /needs a duration/],
  ["response.code > duration('1s')", /is a number, no duration/],
  ["request.duration > duration('soon')", /"soon" is no duration/],
  ["(response.code > 1", /"\)" is missing/],
  ["response.code > 1 response.code < 5", /"response.code" is not expected/],
  ["!".repeat(40) + "true", /nested too deeply/],
  [`${" ".repeat(2_000)}true`, /at most 1024/],
];
for (const [expression, problem] of refused) {
  test(`refuses ${expression.trim().slice(0, 50) || "nothing"} in words`, () => {
    assert.throws(() => compileLogFilter(expression), problem);
  });
}

test("any text is a filter or refused by name", () => {
  const pieces = fc.constantFrom(
    ...["response.code", "request.duration", "duration('1s')", "400", ">=", "<", "&&", "||", "!"],
    ...["(", ")", "true", "x", "'", " "],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces).map((all) => all.join("")),
        fc.string(),
      ),
      (text) => {
        try {
          assert.equal(typeof compileLogFilter(text)(good), "boolean");
        } catch (error) {
          assert.ok(error instanceof InvalidLogFilterError, String(error));
        }
      },
    ),
  );
});
