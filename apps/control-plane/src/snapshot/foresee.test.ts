import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "../registry/registry.ts";
import { compileSnapshot } from "./config-snapshot.ts";
import { NAMES_INTEREST } from "./mesh-names.ts";
import { type Foreseen, MeshView } from "./mesh-view.ts";
import { document, parseDocuments } from "./test-documents.ts";

const route = (weight: number) =>
  document(
    "VirtualService",
    "reviews",
    "shop",
    `{hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v1}, weight: ${weight}}, {destination: {host: reviews, subset: v2}, weight: 10}]}]}`,
  );
const cart = document("DestinationRule", "cart", "shop", "{host: cart}");
const entry = document(
  "ServiceEntry",
  "api",
  "shop",
  "{hosts: [api.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}",
);
const meshConfig = document(
  "MeshConfig",
  "default",
  "istio-system",
  "{defaultHttpRetryPolicy: {attempts: 1}}",
);
const bypass = document(
  "Bypass",
  "night",
  "shop",
  '{source: {service: web}, destination: {host: cart}, until: "2026-11-21T23:15:00Z"}',
);

const changes: Record<string, { before: string[]; after: string[]; services: string[] }> = {
  "a new weight": { before: [route(1), cart], after: [route(2), cart], services: ["shop/reviews"] },
  "a rule that goes": { before: [route(1), cart], after: [cart], services: ["shop/reviews"] },
  "a new host": { before: [cart], after: [cart, entry], services: ["shop/api.example.com"] },
  "the mesh's settings": {
    before: [route(1), cart],
    after: [route(1), cart, meshConfig],
    services: ["shop/reviews", "shop/cart"],
  },
  "a bypass": {
    before: [route(1), cart],
    after: [route(1), cart, bypass],
    services: ["shop/cart"],
  },
  nothing: { before: [route(1), cart], after: [route(1), cart], services: [] },
};
for (const [what, { before, after, services }] of Object.entries(changes)) {
  test(`foresees what ${what} touches as it is touched then, and takes nothing over`, () => {
    const mesh = new MeshView(new Registry(), "cluster.local");
    mesh.replaceSnapshot(compileSnapshot(1, parseDocuments(...before)));
    const { snapshot, generation } = mesh;
    for (const key of snapshot.namedKeys) {
      const [namespace = "", name = ""] = key.split("/");
      mesh.endpoints({ namespace, name });
    }
    const next = compileSnapshot(2, parseDocuments(...after), snapshot);
    const foreseen = finish(mesh.foresee(next));
    assert.deepEqual([mesh.snapshot, mesh.generation], [snapshot, generation]);
    assert.deepEqual(new Set(foreseen.services), new Set(services));
    const missed = mesh.replaceSnapshot(next).difference(foreseen.keys);
    missed.delete(NAMES_INTEREST);
    assert.deepEqual(missed, new Set());
  });
}

function finish(steps: Generator<void, Foreseen>): Foreseen {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
