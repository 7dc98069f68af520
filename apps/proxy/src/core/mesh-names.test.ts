import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MeshNames } from "./mesh-names.ts";

function told(): MeshNames {
  const names = new MeshNames();
  names.set({ namespace: "shop", names: ["reviews", "ratings"] });
  names.set({
    namespace: "",
    names: ["api.example.com", "*.corp.test", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32"],
  });
  return names;
}

const cases: readonly [host: string, namespace: string, expected: boolean][] = [
  ["reviews", "shop", true],
  ["reviews", "bank", false],
  ["reviews.shop", "bank", true],
  ["reviews.shop.svc.cluster.local", "bank", true],
  ["reviews.shop.example", "shop", false],
  ["api.example.com", "bank", true],
  ["www.example.com", "shop", false],
  ["deep.down.corp.test", "shop", true],
  ["corp.test", "shop", false],
  ["10.1.2.3", "shop", true],
  ["10.2.2.3", "shop", false],
  ["192.0.2.7", "shop", true],
  ["[2001:db8::1]", "shop", true],
  ["[2001:db9::1]", "shop", false],
];
for (const [host, namespace, expected] of cases) {
  const verb = expected ? "may mean" : "does not mean";
  test(`${host} ${verb} something of the mesh to an app of ${namespace}`, () => {
    assert.equal(told().has(host, namespace), expected);
  });
}

test("says nothing of any name before it was told", () => {
  assert.equal(new MeshNames().has("reviews", "shop"), undefined);
});

test("never denies a service it was told of, however it is spelt", () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  fc.assert(
    fc.property(label, label, label, (name, namespace, from) => {
      const names = new MeshNames();
      names.set({ namespace, names: [name] });
      const spellings = [`${name}.${namespace}`, `${name}.${namespace}.svc`];
      for (const host of spellings) assert.equal(names.has(host, from), true, host);
      assert.equal(names.has(name, namespace), true);
    }),
  );
});
