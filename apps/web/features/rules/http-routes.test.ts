import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addRouteEdit,
  conditionEdit,
  faultEdit,
  levelledEdit,
  mirrorEdit,
  moveRouteEdit,
  type RouteForm,
  readRoutes,
  removeRouteEdit,
  renameEdit,
  timeoutEdit,
  weightEdit,
} from "./http-routes.ts";
import { editRule, readRule, type YamlEdit } from "./rule-yaml.ts";

const TEXT = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
spec:
  hosts:
  - reviews
  http:
  # Testers first.
  - name: testers
    match:
    - headers:
        x-tester:
          exact: "1"
      uri:
        prefix: /api
      port: 80
    route:
    - destination:
        host: reviews
        subset: v3
  - name: everyone
    route:
    - destination:
        host: reviews
        subset: v1
      weight: 60
    - destination:
        host: reviews
        subset: v2
      weight: 40
`;

function documentOf(text: string): unknown {
  const rule = readRule(text);
  assert.ok(rule.kind === "rule");
  return rule.value;
}

function routesAfter(edits: readonly YamlEdit[]): RouteForm[] {
  return readRoutes(documentOf(editRule(TEXT, edits)));
}

const [testers, everyone] = readRoutes(documentOf(TEXT));
assert.ok(testers && everyone);

test("reads what a route asks of a request and where it sends it", () => {
  assert.deepEqual(
    testers.matches[0]?.map(({ subject, name, kind, value }) => [subject, name, kind, value]),
    [
      ["header", "x-tester", "exact", "1"],
      ["path", "", "prefix", "/api"],
      ["other", "port", "exact", "80"],
    ],
  );
  assert.deepEqual(
    everyone.destinations.map(({ subset, weight }) => [subset, weight]),
    [
      ["v1", 60],
      ["v2", 40],
    ],
  );
  assert.equal(testers.destinations[0]?.weight, 100);
});

test("of two destinations the other takes the rest", () => {
  const [, changed] = routesAfter(weightEdit(everyone, 1, 5));
  assert.deepEqual(
    changed?.destinations.map(({ weight }) => weight),
    [95, 5],
  );
});

test("levelled weights add up to 100 and keep their order", () => {
  const weights = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(weights, (given) => {
      fc.pre(given.some((weight) => weight > 0));
      const destinations = given.map((weight, index) => ({
        place: ["spec", "http", 0, "route", index],
        host: "a",
        subset: "",
        weight,
      }));
      const edits = levelledEdit({ ...everyone, destinations });
      const values = edits.map((edit) => ("value" in edit ? Number(edit.value) : 0));
      assert.equal(
        values.reduce((sum, value) => sum + value, 0),
        100,
      );
      for (const [index, value] of values.entries()) assert.ok(value >= 0, `weight ${index}`);
    }),
  );
});

test("a new match stands before all others, and comments stay", () => {
  const text = editRule(TEXT, addRouteEdit(documentOf(TEXT), [testers, everyone]));
  const routes = readRoutes(documentOf(text));
  assert.deepEqual(
    routes.map(({ name }) => name),
    ["testers-2", "testers", "everyone"],
  );
  assert.match(text, /# Testers first\./);
});

test("routes move and go", () => {
  const moved = routesAfter(moveRouteEdit(everyone, -1));
  assert.deepEqual(
    moved.map(({ name }) => name),
    ["everyone", "testers"],
  );
  assert.deepEqual(
    routesAfter(removeRouteEdit(testers)).map(({ name }) => name),
    ["everyone"],
  );
});

test("what the form sets, it reads back", () => {
  const [header] = testers.matches[0] ?? [];
  assert.ok(header);
  const [compared] = routesAfter(conditionEdit(header, "regex", "1|2"))[0]?.matches[0] ?? [];
  assert.deepEqual([compared?.kind, compared?.value], ["regex", "1|2"]);
  const renamed = routesAfter(renameEdit(header, "x-beta"))[0]?.matches[0] ?? [];
  assert.ok(renamed.some(({ name, value }) => name === "x-beta" && value === "1"));
  assert.equal(routesAfter(timeoutEdit(everyone, " 400ms "))[1]?.timeout, "400ms");
  const fault = { kind: "delay", percent: 5, status: 503, delay: "2s" } as const;
  assert.deepEqual(routesAfter(faultEdit(everyone, fault))[1]?.fault, fault);
  assert.equal(routesAfter(mirrorEdit(everyone, "v2"))[1]?.mirror, "v2");
});

test("what the form takes away leaves nothing behind", () => {
  const once = editRule(TEXT, [
    ...timeoutEdit(everyone, "1s"),
    ...mirrorEdit(everyone, "v2"),
    ...faultEdit(everyone, { kind: "abort", percent: 10, status: 503, delay: "1s" }),
  ]);
  const back = editRule(once, [
    ...timeoutEdit(everyone, ""),
    ...mirrorEdit(everyone, ""),
    ...faultEdit(everyone, { kind: "none", percent: 0, status: 503, delay: "1s" }),
  ]);
  assert.equal(back, TEXT);
});
