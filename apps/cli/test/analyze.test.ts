import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AnalyzeResponse } from "@heddle/contracts";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));

const ROUTE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: pay
  namespace: shop
spec:
  hosts: [pay]
  http:
  # old clients
  - match:
    - uri:
        regex: /v1/.* # all of it
    route:
    - destination: {host: pay, subset: v1}
`;
const RULE = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: pay, namespace: shop}
spec:
  host: pay
  subsets: [{name: v1, labels: {version: v1}}]
`;

/** A folder of its own, where no mesh is known. */
function folderWith(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "heddle-analyze-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const run = (args: readonly string[], input = "") => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [heddle, "analyze", ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", HEDDLE_HOME: join(folder, "none") },
      input,
    });
    return { status, stdout, stderr };
  };
  return { folder, run };
}

test("files are looked at without any mesh, and an error makes the exit code 79", (t) => {
  const { run } = folderWith(t, { "route.yaml": ROUTE });
  const { status, stdout } = run(["-f", "route.yaml"]);
  assert.equal(status, 79);
  assert.match(
    stdout,
    /^route\.yaml:14: IST0101 error \(VirtualService shop\/pay\) host\+subset in destinationrule not found: "pay\+v1"\. Write a DestinationRule/m,
  );
  assert.equal(run(["-f", "route.yaml", "--fail-on", "never"]).status, 0);
});

test("findings below the level asked for leave the exit code 0", (t) => {
  const { run } = folderWith(t, { "route.yaml": ROUTE, "rule.yaml": RULE });
  assert.equal(run(["-f", "."]).status, 0);
  assert.equal(run(["-f", ".", "--fail-on", "warning"]).status, 79);
  assert.doesNotMatch(
    run(["-f", ".", "--severity", "warning"]).stdout,
    / info \([A-Z]\w+ \w+\/|HDL/,
  );
});

test("JSON is what the API answers, from stdin too", (t) => {
  const { run } = folderWith(t, {});
  const { stdout } = run(["-f", "-", "-o", "json"], ROUTE);
  const answer = AnalyzeResponse.omit({ revision: true }).parse(JSON.parse(stdout));
  assert.equal(answer.documents, 1);
  assert.equal(answer.counts.error, 1);
  assert.equal(answer.findings[0]?.file, "stdin");
});

test("--fix writes the safe fixes into the file, shows them and keeps comments", (t) => {
  const { folder, run } = folderWith(t, { "route.yaml": ROUTE });
  const { stdout, stderr } = run(["-f", "route.yaml", "--fix"]);
  assert.match(stderr, /# HDL016: prefix: \/v1\/ in place of the regex/);
  assert.match(stderr, /^- {8}regex: \/v1\/\.\* # all of it$/m);
  assert.match(stderr, /^\+ {8}prefix: \/v1\/$/m);
  assert.doesNotMatch(stdout, /HDL016/);
  const expected = ROUTE.replace("regex: /v1/.* # all of it", "prefix: /v1/");
  assert.equal(readFileSync(join(folder, "route.yaml"), "utf8"), expected);
});

test("what cannot be analyzed is an error of its own, not a finding", (t) => {
  const { run } = folderWith(t, { "broken.yaml": "kind: [" });
  assert.equal(run(["-f", "missing.yaml"]).status, 1);
  assert.match(run(["-f", "broken.yaml"]).stdout, /^broken\.yaml:1: HDL030 error/m);
  assert.match(run([]).stderr, /no mesh found/);
});
