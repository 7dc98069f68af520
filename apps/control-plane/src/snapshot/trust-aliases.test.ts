import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadResource } from "@heddle/contracts";
import { withTrustAliases } from "./trust-aliases.ts";

const when = { key: "source.principal", notValues: ["new.example/ns/a/sa/c"] };
const resource: WorkloadResource = {
  ...{ kind: "workload", key: "workload/shop/till", version: "1", revision: 7 },
  workload: { namespace: "shop", name: "till" },
  mtlsMode: "STRICT",
  authorization: [
    {
      ...{ namespace: "shop", name: "callers", action: "ALLOW", isShadow: false },
      rules: [
        {
          from: [{ principals: ["cluster.local/ns/a/sa/b"], namespaces: ["a"] }],
          to: [],
          when: [when, { key: "request.headers[x]", values: ["new.example/ns/a/sa/c"] }],
        },
      ],
    },
  ],
};

test("principals of the own domain are written out for its aliases, wherever a policy names them", () => {
  const told = withTrustAliases(resource, { own: "new.example", aliases: ["old.example"] });
  const [rule] = told.authorization?.[0]?.rules ?? [];
  assert.deepEqual(rule?.from[0]?.principals, ["new.example/ns/a/sa/b", "old.example/ns/a/sa/b"]);
  assert.deepEqual(rule?.from[0]?.namespaces, ["a"]);
  const notValues = ["new.example/ns/a/sa/c", "old.example/ns/a/sa/c"];
  assert.deepEqual(rule?.when[0]?.notValues, notValues);
  assert.deepEqual(rule?.when[1]?.values, ["new.example/ns/a/sa/c"], "no principal");
  assert.notEqual(told.version, resource.version);
  assert.equal(told.revision, 7);
});

test("a resource that names no principal of another name of the mesh stays the same object", () => {
  const domains = { own: "cluster.local", aliases: [] };
  assert.equal(withTrustAliases(resource, domains), resource);
});
