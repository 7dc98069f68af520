// The frame of the tables of codes in *-codes.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnalysisInput, analyze } from "./analyze.ts";
import type { Finding } from "./finding.ts";

type Registry = AnalysisInput["registry"];

export type CodeCase = {
  /** Documents in which the code is told. */
  readonly trap: string;
  /** The document it is told of, as findings name it; absent: any of them. */
  readonly about?: string;
  /** Documents that avoid the trap. */
  readonly sound?: string;
  readonly registry?: Registry;
};

/** Writes documents of one kind as YAML; `metadata` is appended to their own, `, labels: {…}`. */
export function documentsOf(apiVersion: string, kind: string, namespace = "shop") {
  return (name: string, spec: string, metadata = "") =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}${metadata}}\nspec: ${spec}\n---\n`;
}

export function findingsOf(text: string, registry?: Registry): readonly Finding[] {
  return analyze({ files: [{ name: "a.yaml", text }], registry, nowMs: 0 }).findings;
}

/** The code is told of its trap, with a place and what to do, and not where the trap is avoided. */
export function testCode(code: string, { trap, about, sound, registry }: CodeCase): void {
  const whom = about ?? "its trap";
  const more = sound === undefined ? "" : ", and not where the trap is avoided";
  void test(`${code} is told of ${whom}, with its place${more}`, () => {
    const findings = findingsOf(trap, registry);
    const told = findings.filter((finding) => finding.code === code);
    assert.ok(
      told.some(({ resource }) => resource === (about ?? resource)),
      findings.map((one) => `${one.code} ${one.resource}`).join(", "),
    );
    for (const { line, why, whatToDo } of told) {
      assert.ok((line ?? 0) > 0);
      assert.ok(why.length > 10 && whatToDo.length > 5);
    }
    if (sound === undefined) return;
    assert.ok(!findingsOf(sound, registry).some((finding) => finding.code === code));
  });
}
