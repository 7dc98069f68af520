import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRef, parseResources } from "@heddle/resources";
import fc from "fast-check";
import { compileSnapshot, type MeshDocument, serviceResource } from "./config-snapshot.ts";
import { contentVersion } from "./content-version.ts";

const reviews = { namespace: "shop", name: "reviews" };

function documents(...texts: { yaml: string; createdAtMs?: number; revision?: number }[]) {
  return new Map(
    texts.map(({ yaml, createdAtMs = 1, revision = 1 }): [string, MeshDocument] => {
      const parsed = parseResources(yaml);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      const [only] = parsed.resources;
      assert.ok(only);
      return [formatRef(only.resource), { ...only, revision, createdAtMs, updatedAtMs: 1 }];
    }),
  );
}

const rule = (name: string, namespace: string, version: string) =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {host: reviews.shop, subsets: [{name: one, labels: {version: ${version}}}]}`;

test("a service no document speaks of goes to all its endpoints", () => {
  const { routes, subsets, revision } = serviceResource(compileSnapshot(0, new Map()), reviews);
  assert.deepEqual(routes, [
    { name: "default", matches: [], destinations: [{ service: reviews, weight: 1 }] },
  ]);
  assert.deepEqual([subsets, revision], [[], 0]);
});

test("of two rules with a subset of one name the older defines it", () => {
  const snapshot = compileSnapshot(
    5,
    documents(
      { yaml: rule("young", "shop", "v2"), createdAtMs: 20, revision: 5 },
      { yaml: rule("old", "shop", "v1"), createdAtMs: 10, revision: 2 },
    ),
  );
  const { subsets, revision } = serviceResource(snapshot, reviews);
  assert.deepEqual(subsets, [{ name: "one", labels: { version: "v1" } }]);
  assert.equal(revision, 5);
});

test("the root namespace's rule speaks only where the service's own namespace has none", () => {
  const root = { yaml: rule("r", "istio-system", "v9") };
  const own = { yaml: rule("r", "shop", "v1") };
  const subsetOf = (...texts: { yaml: string }[]) =>
    serviceResource(compileSnapshot(1, documents(...texts)), reviews).subsets[0]?.labels;
  assert.deepEqual(subsetOf(root), { version: "v9" });
  assert.deepEqual(subsetOf(root, own), { version: "v1" });
});

test("the version of a resource follows its content alone", () => {
  const before = compileSnapshot(1, documents({ yaml: rule("r", "shop", "v1") }));
  const commented = `# a word\n${rule("r", "shop", "v1")}`;
  const after = compileSnapshot(2, documents({ yaml: commented, revision: 2 }), before);
  const versionOf = (snapshot: typeof before) => serviceResource(snapshot, reviews).version;
  assert.equal(versionOf(after), versionOf(before));
  const other = compileSnapshot(3, documents({ yaml: rule("r", "shop", "v2") }), after);
  assert.notEqual(versionOf(other), versionOf(before));
});

test("a version does not depend on the order of fields", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (content) => {
      const reversed = Object.fromEntries(Object.entries(content).reverse());
      assert.equal(contentVersion(reversed), contentVersion(content));
    }),
  );
});
