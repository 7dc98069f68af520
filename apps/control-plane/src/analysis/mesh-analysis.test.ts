import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "../registry/registry.ts";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";
import { MeshAnalysis } from "./mesh-analysis.ts";

const RULE = document(
  "DestinationRule",
  "till",
  "shop",
  "{host: till, trafficPolicy: {tls: {mode: DISABLE}}}",
);
const STRICT = document("PeerAuthentication", "all", "shop", "{mtls: {mode: STRICT}}");

function analysisOf(...documents: readonly string[]) {
  const config = { snapshot: compileSnapshot(1, parseDocuments(...documents)) };
  return { config, analysis: new MeshAnalysis(config, new Registry()) };
}

const codes = (findings: readonly { readonly code: string }[]) => findings.map(({ code }) => code);

test("the mesh's own documents are told of, anew with each revision", async () => {
  const { config, analysis } = analysisOf(RULE, STRICT);
  const before = await analysis.ofMesh(0);
  assert.equal(before.revision, 1);
  assert.ok(codes(before.findings).includes("HDL006"));
  config.snapshot = compileSnapshot(2, parseDocuments(RULE));
  const after = await analysis.ofMesh(1);
  assert.equal(after.revision, 2);
  assert.ok(!codes(after.findings).includes("HDL006"));
});

test("of files, only their own documents are told of, held against those in force", async () => {
  const { analysis } = analysisOf(STRICT);
  const { documents, findings } = await analysis.ofFiles([{ name: "a.yaml", text: RULE }], {
    nowMs: 0,
  });
  assert.equal(documents, 1);
  assert.ok(codes(findings).includes("HDL006"));
  assert.ok(findings.every(({ file }) => file === "a.yaml"));
});
