import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "../registry/registry.ts";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { MeshView } from "../snapshot/mesh-view.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";

const db = { namespace: "shop", name: "db" };
const entries = [1, 2].map((number) =>
  document(
    "WorkloadEntry",
    `db-${number}`,
    "shop",
    `{address: 10.0.0.${number}, ports: {tcp: 5432}, labels: {app: db, version: v1}}`,
  ),
);
const override = (name: string, spec: string, namespace = "shop") =>
  document("InstanceOverride", name, namespace, spec);

function view(...overrides: string[]) {
  const mesh = new MeshView(new Registry(), "cluster.local");
  mesh.replaceSnapshot(compileSnapshot(1, parseDocuments(...entries, ...overrides)));
  const told = mesh.endpoints(db).endpoints;
  return { mesh, told, addresses: told.map(({ address }) => address) };
}

test("a drained endpoint is known, but told to no caller", () => {
  const { mesh, addresses } = view(
    override("a", '{workload: db-1, address: "10.0.0.1:5432", drain: true}'),
  );
  assert.deepEqual(addresses, ["10.0.0.2"]);
  assert.equal(mesh.knownEndpoints(db).length, 2);
});

test("an override is about one workload of its own namespace at one address", () => {
  for (const spec of [
    '{workload: db-1, address: "10.0.0.1:5433", drain: true}', // another port
    "{workload: db-2, address: 10.0.0.1, drain: true}", // another workload
    "{workload: db-1, address: 10.0.0.2, drain: true}", // another address
  ]) {
    assert.deepEqual(view(override("a", spec)).addresses, ["10.0.0.1", "10.0.0.2"]);
  }
  const elsewhere = override("a", "{workload: db-1, address: 10.0.0.1, drain: true}", "other");
  assert.deepEqual(view(elsewhere).addresses, ["10.0.0.1", "10.0.0.2"]);
});

test("weight, locality and labels stand in the place of the endpoint's own; of two overrides the youngest holds", () => {
  const { told } = view(
    override("a", "{workload: db-1, address: 10.0.0.1, weight: 3, labels: {tier: slow}}"),
    override(
      "b",
      "{workload: db-1, address: 10.0.0.1, weight: 7, locality: eu/b, labels: {version: v2}}",
    ),
  );
  assert.deepEqual(
    told.map(({ weight, locality, labels }) => [weight, locality, labels]),
    [
      [7, "eu/b", { app: "db", version: "v2" }],
      [undefined, undefined, { app: "db", version: "v1" }],
    ],
  );
});
