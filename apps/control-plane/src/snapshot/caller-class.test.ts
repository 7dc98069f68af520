import assert from "node:assert/strict";
import { test } from "node:test";
import type { SourceSelector } from "@heddle/mesh";
import fc from "fast-check";
import { ANYBODY, type CallerClass, callerClasses, takesIn } from "./caller-class.ts";
import { toSourceSelector } from "./service-rules.ts";

const label = fc.dictionary(fc.constantFrom("app", "tier"), fc.constantFrom("a", "b"), {
  maxKeys: 2,
});
const selector: fc.Arbitrary<SourceSelector> = fc.record(
  {
    namespaces: fc.uniqueArray(fc.constantFrom("shop", "bank", "lab"), { minLength: 1 }),
    labels: label,
  },
  { requiredKeys: [] },
);
const caller = fc.record({
  namespace: fc.constantFrom("shop", "bank", "lab", "else"),
  labels: label,
});

/** A caller as it is, not as a class: every selector is decided by its own namespace and labels. */
function means(one: SourceSelector, { namespace = "", labels }: CallerClass): boolean {
  return takesIn(one, { namespace, labels });
}

test("the first class that takes a caller in is meant by exactly the selectors that mean the caller", () => {
  fc.assert(
    fc.property(fc.array(selector, { maxLength: 5 }), caller, (selectors, who) => {
      const classes = callerClasses(selectors);
      assert.ok(classes);
      const own = classes.find((one) => means(toSourceSelector(one), who)) ?? ANYBODY;
      for (const one of selectors) assert.equal(takesIn(one, own), means(one, who));
    }),
  );
});

test("callers that carry different values of one label never share a class", () => {
  const apps = Array.from({ length: 100 }, (_, index) => ({ labels: { app: `app-${index}` } }));
  assert.equal(callerClasses(apps)?.length, 100);
});

test("more sets of callers than a service may have are not made", () => {
  const keys = Array.from({ length: 12 }, (_, index) => ({ labels: { [`key-${index}`]: "x" } }));
  assert.equal(callerClasses(keys), undefined);
});
