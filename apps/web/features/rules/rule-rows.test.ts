import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding, ResourceDocument } from "@heddle/contracts";
import { ruleRows } from "./rule-rows.ts";

const document = (kind: ResourceDocument["kind"], name: string): ResourceDocument => ({
  kind,
  namespace: "shop",
  name,
  yaml: `kind: ${kind}\nspec: { host: ${name}.shop }\n`,
  revision: 3,
  updatedAtMs: 0,
});
const finding = (name: string, severity: Finding["severity"], code: string): Finding => ({
  code,
  name: code,
  severity,
  subject: { kind: "DestinationRule", namespace: "shop", name },
  resource: `DestinationRule shop/${name}`,
  why: "",
  whatToDo: "",
});

test("a document of a source says where it comes from, and is found by that", () => {
  const origin = { source: "directory /etc/registry", file: "db.yaml", line: 3 };
  const rows = ruleRows(
    [{ ...document("WorkloadEntry", "db"), origin }, document("Sidecar", "c")],
    [],
    [],
  );
  assert.deepEqual(
    rows.map((row) => row.origin),
    [undefined, "directory /etc/registry, db.yaml line 3"],
  );
  assert.ok(rows[1]?.haystack.includes("/etc/registry"));
});

test("documents with errors stand first, each with its worst finding first", () => {
  const rows = ruleRows(
    [document("DestinationRule", "a"), document("DestinationRule", "b"), document("Sidecar", "c")],
    [
      finding("b", "warning", "HDL002"),
      finding("b", "error", "IST0101"),
      finding("a", "info", "X"),
    ],
    ["DestinationRule/shop/a"],
  );
  assert.deepEqual(
    rows.map(({ name, hasDraft, findings }) => [name, hasDraft, findings.map(({ code }) => code)]),
    [
      ["b", false, ["IST0101", "HDL002"]],
      ["a", true, ["X"]],
      ["c", false, []],
    ],
  );
});

test("a row is found by kind, name, what it is about, and its findings", () => {
  const [row] = ruleRows(
    [document("DestinationRule", "b")],
    [finding("b", "error", "IST0101")],
    [],
  );
  for (const word of ["destinationrule", "shop/b", "b.shop", "ist0101"]) {
    assert.ok(row?.haystack.includes(word), word);
  }
});
