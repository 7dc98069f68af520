import assert from "node:assert/strict";
import { test } from "node:test";
import { editYaml } from "./edit-yaml.ts";

const DOCUMENT = `# who may speak to cart
kind: PeerAuthentication
metadata:
  name: cart
  annotations:
    note: kept # by whom
    heddle.dev/mtls-dry-run: STRICT
spec:
  mtls:
    mode: PERMISSIVE
`;

test("sets what is there and what is not, and leaves everything else", () => {
  const edited = editYaml(DOCUMENT, [
    { path: ["spec", "mtls", "mode"], value: "STRICT" },
    { path: ["metadata", "labels", "team"], value: "shop" },
  ]);
  assert.match(edited, /# who may speak to cart/);
  assert.match(edited, /note: kept # by whom/);
  assert.match(edited, /mode: STRICT/);
  assert.match(edited, / {2}labels:\n {4}team: shop/);
});

test("takes a value away, and the map around it when that is empty then", () => {
  const path = ["metadata", "annotations", "heddle.dev/mtls-dry-run"];
  const once = editYaml(DOCUMENT, [{ path, value: undefined }]);
  assert.equal(once, DOCUMENT.replace("    heddle.dev/mtls-dry-run: STRICT\n", ""));
  const note = { path: ["metadata", "annotations", "note"], value: undefined };
  assert.doesNotMatch(editYaml(once, [note]), /annotations/);
});

test("taking away what is not there changes nothing", () => {
  assert.equal(
    editYaml(DOCUMENT, [{ path: ["spec", "other", "deep"], value: undefined }]),
    DOCUMENT,
  );
});
