import assert from "node:assert/strict";
import { test } from "node:test";
import { draftFindings, lineOf, rangeOfLine } from "./draft-findings.ts";
import { editRule } from "./rule-yaml.ts";

const TEXT = `kind: VirtualService
metadata:
  name: reviews
  namespace: shop
spec:
  http:
  - timeout: 200ms
`;
const IDENTITY = { apiVersion: "", kind: "VirtualService", namespace: "shop", name: "reviews" };
const timeout = {
  level: "traffic",
  code: "timeout-below-p99",
  message: "200 ms is below the p99 of v2.",
  path: "spec.http[0].timeout",
  fix: { label: "Use 400 ms", path: "spec.http[0].timeout", value: "400ms" },
} as const;

test("a finding stands at its value, and its fix sets it", () => {
  const [found] = draftFindings(TEXT, IDENTITY, [timeout], []);
  assert.ok(found?.range && found.fix);
  assert.equal(TEXT.slice(...found.range), "200ms");
  assert.equal(lineOf(TEXT, found.range[0]), 7);
  assert.equal(editRule(TEXT, found.fix.edits), TEXT.replace("200ms", "400ms"));
});

test("what blocks stands first, and the same of two is told once, with its fix", () => {
  const finding = {
    code: "timeout-below-p99",
    name: "",
    severity: "warning",
    subject: { kind: "VirtualService", name: "reviews" },
    resource: "VirtualService reviews",
    path: "spec.http[0].timeout",
    why: "Too short.",
    whatToDo: "Make it longer.",
  } as const;
  const fault = {
    level: "fault",
    message: "hosts: at least one is needed",
    path: "spec.hosts",
  } as const;
  const found = draftFindings(TEXT, IDENTITY, [timeout, fault], [finding]);
  assert.deepEqual(
    found.map(({ message, blocks, fix }) => [message, blocks, fix?.label]),
    [
      ["hosts: at least one is needed", true, undefined],
      ["200 ms is below the p99 of v2.", false, "Use 400 ms"],
    ],
  );
});

test("what is said of another document has no place in this one", () => {
  const document = { kind: "DestinationRule", namespace: "shop", name: "reviews" } as const;
  const [found] = draftFindings(TEXT, IDENTITY, [{ ...timeout, document }], []);
  assert.deepEqual([found?.range, found?.fix], [undefined, undefined]);
  assert.equal(found?.message, "DestinationRule reviews: 200 ms is below the p99 of v2.");
});

test("finds a line by its number, and none beyond the last", () => {
  const range = rangeOfLine(TEXT, 7);
  assert.ok(range);
  assert.equal(TEXT.slice(...range), "- timeout: 200ms");
  assert.equal(rangeOfLine(TEXT, 99), undefined);
});

test("the check gives way to the finding at the same place, and what it refuses stays refused", () => {
  const told = "VirtualService shop/reviews: spec.http[0].timeout: is short";
  const finding = {
    code: "HDL009",
    name: "",
    severity: "info",
    subject: { kind: "VirtualService", name: "reviews" },
    resource: "VirtualService reviews",
    path: "spec.http[0].timeout",
    why: "Short.",
    whatToDo: "",
  } as const;
  const inDocument = `document 1 (${told.replace(": spec", "): spec")}`;
  const tell = (
    level: "fault" | "warning",
    message: string,
    findings: readonly (typeof finding)[],
  ) =>
    draftFindings(TEXT, IDENTITY, [{ level, message }], findings).map((one) => [
      one.message,
      one.blocks,
    ]);
  assert.deepEqual(tell("warning", told, []), [["is short", false]]);
  assert.deepEqual(tell("warning", told, [finding]), [["Short.", false]]);
  assert.deepEqual(tell("fault", inDocument, []), [["is short", true]]);
  assert.deepEqual(tell("fault", inDocument, [finding]), [["Short.", true]]);
});
