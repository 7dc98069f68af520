import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "./analyze.ts";
import { applyFixes } from "./apply-fixes.ts";

const OTHER = `# of somebody else
apiVersion: v1
kind: ConfigMap
metadata: {name: other}   # as it is
`;
const ROUTES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: pay
  namespace: shop
spec:
  hosts: [pay]
  http:
    # slow on purpose
    - fault:
        delay:
          percent: 10 # of all
          fixedDelay: 1s
      match:
        - headers: {end-user: {exact: tester}}
      route:
        - destination: {host: pay}
    - match: # again
        - headers: {end-user: {exact: tester}}
      route:
        - destination: {host: pay, subset: v2}
    - route:
        - destination: {host: pay}
`;

function fix(text: string) {
  const { findings } = analyze({ files: [{ name: "a.yaml", text }], nowMs: 0 });
  return applyFixes(text, findings);
}

test("fixes what is safe, keeps comments, style and all other documents", () => {
  const { text, fixed } = fix(`${OTHER}---\n${ROUTES}`);
  assert.deepEqual(fixed.map(({ code }) => code).sort(), ["IST0002", "IST0130"]);
  assert.equal(
    text,
    `${OTHER}---\n${ROUTES.replace("percent: 10 # of all\n          fixedDelay: 1s", "fixedDelay: 1s\n          percentage:\n            value: 10").replace(/ {4}- match: # again[\s\S]*?v2\}\n/, "")}`,
  );
});

test("finds nothing left to fix in a text that it has fixed", () => {
  const { text } = fix(ROUTES);
  const again = fix(text);
  assert.deepEqual(again.fixed, []);
  assert.equal(again.text, text);
});

const LAID_OUT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name:   pay,   namespace: shop }

spec:   # what pay does

  hosts:    # short
    - pay

  # the one route
  http:
  -   fault:   # slow on purpose
        delay:

          percent: 10
          fixedDelay: "1s"   # a second

      route:  # and there it ends
        - destination: { host: pay }   # no subset
`;

test("leaves every line alone that no fix changes, however it is laid out", () => {
  const { text, fixed } = fix(LAID_OUT);
  assert.deepEqual(
    fixed.map(({ code }) => code),
    ["IST0002"],
  );
  const before = LAID_OUT.split("\n");
  const after = text.split("\n");
  assert.deepEqual(
    before.filter((line) => !after.includes(line)),
    ["          percent: 10"],
  );
  assert.deepEqual(
    after.filter((line) => !before.includes(line)).map((line) => line.trim()),
    ["percentage:", "value: 10"],
  );
});
