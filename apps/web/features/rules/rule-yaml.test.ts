import assert from "node:assert/strict";
import { test } from "node:test";
import { editRule, parsePath, rangeOfPath, readRule, valueAt } from "./rule-yaml.ts";

const TEXT = `# The first destination is the stable version.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
spec:
  hosts:
  - reviews
  http:
  - route:
    - destination:
        host: reviews
        subset: v1
      weight: 60 # for now
    timeout: 1s
`;

test("an edit changes its own line alone, comments stay", () => {
  const edited = editRule(TEXT, [{ path: ["spec", "http", 0, "route", 0, "weight"], value: 50 }]);
  assert.equal(edited, TEXT.replace("weight: 60", "weight: 50"));
});

test("what is taken away takes the map with it that it leaves empty", () => {
  const path = ["spec", "http", 0, "fault", "abort", "httpStatus"];
  const faulty = editRule(TEXT, [{ path, value: 503 }]);
  assert.match(faulty, /fault:\n {6}abort:\n {8}httpStatus: 503/);
  const mended = editRule(faulty, [{ path: path.slice(0, -1), value: undefined }]);
  assert.equal(mended, TEXT);
});

test("says who a rule is, and of a text that is none why and where", () => {
  const rule = readRule(TEXT);
  assert.ok(rule.kind === "rule");
  assert.deepEqual(rule.identity, {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    namespace: "shop",
    name: "reviews",
  });
  assert.equal(valueAt(rule.value, ["spec", "http", 0, "timeout"]), "1s");
  const broken = readRule("kind: A\nspec:\n  hosts: [a\n");
  assert.ok(broken.kind === "fault" && broken.line !== undefined && broken.line >= 3);
  assert.equal(readRule("- a\n").kind, "fault");
  assert.equal(readRule("").kind, "fault");
});

test("finds the place of a value, or of the nearest thing around it", () => {
  const place = (path: string) => {
    const range = rangeOfPath(TEXT, parsePath(path));
    return range && TEXT.slice(...range);
  };
  assert.equal(place("spec.http[0].timeout"), "1s");
  assert.equal(place("spec.http[0].route[0].destination.subset"), "v1");
  assert.equal(place("spec.http[0].route[0].destination.port"), "host: reviews");
  assert.equal(place("status"), undefined);
});

test("reads paths with keys that hold dots", () => {
  assert.deepEqual(parsePath('metadata.labels["app.kubernetes.io/name"]'), [
    "metadata",
    "labels",
    "app.kubernetes.io/name",
  ]);
});

test("does not unfold a flood of aliases", () => {
  const flood = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [index, name] of ["b", "c", "d", "e", "f"].entries()) {
    const of = ["a", "b", "c", "d", "e"][index] ?? "a";
    flood.push(`${name}: &${name} [${Array(9).fill(`*${of}`).join(", ")}]`);
  }
  assert.equal(readRule(flood.join("\n")).kind, "fault");
});
