import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResources } from "@heddle/resources";
import { withRevision } from "./with-revision.ts";

const documentOf = (annotations: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: # ours
  name: reviews
  namespace: shop
${annotations}spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews}}]}]
`;

for (const annotations of [
  "",
  "  annotations: {}\n",
  "  annotations: {owner: ada}\n",
  "  annotations:\n    owner: ada\n",
]) {
  test(`the revision stands among the annotations, whatever they are (${annotations.trim() || "none"})`, () => {
    const parsed = parseResources(documentOf(annotations));
    assert.ok(parsed.ok);
    const again = parseResources(withRevision(parsed.resources[0]?.yaml ?? "", 17));
    assert.ok(again.ok);
    const [locked] = again.resources;
    assert.match(locked?.yaml ?? "", /^ {4}heddle\.dev\/revision: "?17"?$/m);
    assert.equal(/owner: ada/.test(locked?.yaml ?? ""), annotations.includes("owner"));
  });
}
