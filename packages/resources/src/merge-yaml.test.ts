import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { mergeYaml } from "./merge-yaml.ts";

const BASE = `kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
  - reviews
  http:
  - timeout: 1s # as agreed
    route:
    - destination: {host: reviews, subset: v1}
      weight: 90
    - destination: {host: reviews, subset: v2}
      weight: 10
  subsets:
  - name: v1
    labels: {version: v1}
`;
const edited = (from: string, to: string, text = BASE) => {
  assert.ok(text.includes(from));
  return text.replace(from, to);
};

test("changes to different places are joined, and comments stay", () => {
  const theirs = edited("weight: 90", "weight: 70", edited("weight: 10", "weight: 30"));
  const merged = mergeYaml(BASE, theirs, edited("timeout: 1s", "timeout: 3s"));
  assert.ok(merged.ok);
  assert.match(merged.yaml, /timeout: 3s/);
  assert.match(merged.yaml, /weight: 70[\s\S]*weight: 30/);
});

test("the same place changed to different things is named with all three", () => {
  const merged = mergeYaml(BASE, edited("1s", "2s"), edited("1s", "3s"));
  assert.deepEqual(merged, {
    ok: false,
    conflicts: [{ path: "spec.http[0].timeout", base: "1s", theirs: "2s", yours: "3s" }],
  });
});

test("named things are joined by their names, wherever they stand", () => {
  const one = "  - name: v1\n    labels: {version: v1}\n";
  const theirs = edited(one, `  - name: v0\n    labels: {version: v0}\n${one}`);
  const yours = edited(one, `${one}  - name: v2\n    labels: {version: v2}\n`);
  const merged = mergeYaml(BASE, theirs, yours);
  assert.ok(merged.ok);
  const { spec } = parse(merged.yaml) as { spec: { subsets: { name: string }[] } };
  assert.deepEqual(
    spec.subsets.map(({ name }) => name),
    ["v0", "v1", "v2"],
  );
});

test("a document deleted meanwhile is a conflict as a whole", () => {
  const merged = mergeYaml(BASE, undefined, edited("1s", "3s"));
  assert.ok(!merged.ok);
  assert.equal(merged.conflicts[0]?.path, "");
});

test("a list of another length, changed on both sides, is a conflict as a whole", () => {
  const merged = mergeYaml(
    BASE,
    edited("  - reviews\n", "  - reviews\n  - reviews.shop\n"),
    edited("  - reviews\n", "  - critics\n"),
  );
  assert.ok(!merged.ok);
  assert.deepEqual(
    merged.conflicts.map(({ path }) => path),
    ["spec.hosts"],
  );
});

const key = fc.constantFrom("a", "b", "c");
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom("x", "y"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.uniqueArray(fc.record({ name: key, of: fc.nat(2) }), {
      maxLength: 3,
      selector: ({ name }) => name,
    }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const text = fc
  .dictionary(key, value as fc.Arbitrary<unknown>, { maxKeys: 3, noNullPrototype: true })
  .map((map) => stringify(map));

test("a change that only one side made is taken as it is", () => {
  fc.assert(
    fc.property(text, text, (base, changed) => {
      for (const merged of [mergeYaml(base, changed, base), mergeYaml(base, base, changed)]) {
        assert.ok(merged.ok);
        assert.deepEqual(parse(merged.yaml), parse(changed));
      }
    }),
  );
});

test("who of the two came first does not matter to what comes out", () => {
  const unordered = (document: unknown): string =>
    JSON.stringify(document, (_, part: unknown) => {
      if (Array.isArray(part)) {
        return part.map((one: unknown) => unordered(one)).sort(); // where both added, the first one's stand first
      }
      if (typeof part !== "object" || part === null) return part;
      return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
    });
  fc.assert(
    fc.property(text, text, text, (base, one, other) => {
      const [forth, back] = [mergeYaml(base, one, other), mergeYaml(base, other, one)];
      assert.equal(forth.ok, back.ok);
      if (!forth.ok || !back.ok) return;
      assert.equal(unordered(parse(forth.yaml)), unordered(parse(back.yaml)));
    }),
    { numRuns: 1000 },
  );
});

test("what both sides agree on is never lost", () => {
  fc.assert(
    fc.property(text, text, text, (base, one, other) => {
      const merged = mergeYaml(base, one, other);
      if (!merged.ok) return;
      const [a, b, m] = [one, other, merged.yaml].map(
        (each) => parse(each) as Record<string, unknown>,
      );
      for (const name of ["a", "b", "c"]) {
        const agreed = JSON.stringify(a?.[name]);
        if (agreed === JSON.stringify(b?.[name])) {
          assert.deepEqual(JSON.stringify(m?.[name]), agreed);
        }
      }
    }),
    { numRuns: 1000 },
  );
});
