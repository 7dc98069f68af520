import assert from "node:assert/strict";
import { test } from "node:test";
import { changesInWords, yamlValues } from "./yaml-values.ts";

const ROUTE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: payments
  labels:
    "a/b": x
spec:
  hosts:
  - payments
  http:
  - match:
    - uri:
        prefix: /v2
    timeout: 3s # long
    route:
    - destination:
        host: payments
        subset: v1
      weight: 95
    - destination:
        host: payments
        subset: v2
      weight: 5
  - name: rest
    route:
    - destination:
        host: payments
`;

test("each value has its path, entries of lists by what names them", () => {
  const paths = yamlValues(ROUTE).map(({ path, value }) => `${path}=${value}`);
  assert.deepEqual(paths.slice(2), [
    "metadata.name=payments",
    "metadata.labels.a/b=x",
    "spec.hosts[1]=payments",
    "spec.http[1].match[1].uri.prefix=/v2",
    "spec.http[1].timeout=3s",
    "spec.http[1].route[payments v1].destination.host=payments",
    "spec.http[1].route[payments v1].destination.subset=v1",
    "spec.http[1].route[payments v1].weight=95",
    "spec.http[1].route[payments v2].destination.host=payments",
    "spec.http[1].route[payments v2].destination.subset=v2",
    "spec.http[1].route[payments v2].weight=5",
    "spec.http[rest].name=rest",
    "spec.http[rest].route[payments].destination.host=payments",
  ]);
});

test("a change is told value by value", () => {
  const after = ROUTE.replace("weight: 95", "weight: 90")
    .replace("weight: 5\n", "weight: 10\n")
    .replace("    timeout: 3s # long\n", "");
  assert.deepEqual(changesInWords(ROUTE, after), [
    "spec.http[1].timeout: 3s taken away",
    "spec.http[1].route[payments v1].weight: 95 → 90",
    "spec.http[1].route[payments v2].weight: 5 → 10",
  ]);
});

test("a new document sets each value, and the same one changes nothing", () => {
  assert.ok(changesInWords(undefined, ROUTE).includes("spec.http[1].timeout: set to 3s"));
  assert.deepEqual(changesInWords(ROUTE, ROUTE), []);
});
