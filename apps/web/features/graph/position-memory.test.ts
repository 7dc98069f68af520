import assert from "node:assert/strict";
import test from "node:test";
import {
  EMPTY_MEMORY,
  parseMemory,
  placedAfresh,
  serializeMemory,
  withDragged,
  withGraph,
} from "./position-memory.ts";

const node = (id: string) => ({ id, widthPx: 120, heightPx: 56 });
const call = (source: string, destination: string) => ({ source, destination, weight: 1 });
const shop = {
  nodes: ["gateway", "cart", "idle"].map(node),
  edges: [call("gateway", "cart")],
};

test("a settled mesh keeps every place when a service joins", () => {
  const before = placedAfresh(shop);
  const after = withGraph(before, {
    nodes: [...shop.nodes, node("checkout")],
    edges: [...shop.edges, call("gateway", "checkout")],
  });
  for (const { id } of shop.nodes) assert.deepEqual(after.places.get(id), before.places.get(id));
  assert.ok(after.places.has("checkout"));
});

test("a settled mesh keeps the place of a service that has gone", () => {
  const before = placedAfresh(shop);
  const without = withGraph(before, { nodes: [node("gateway")], edges: [] });
  assert.equal(without, before);
});

test("a service nobody called moves once, with its first call", () => {
  const before = placedAfresh(shop);
  const called = { nodes: shop.nodes, edges: [...shop.edges, call("cart", "idle")] };
  const after = withGraph(before, called);
  assert.notDeepEqual(after.places.get("idle"), before.places.get("idle"));
  assert.equal(withGraph(after, shop), after, "and stays when the calls end");
});

test("a dragged card stays where it was dropped, whoever calls it then", () => {
  const dragged = withDragged(placedAfresh(shop), "idle", { xPx: -40, yPx: 7 });
  const called = { nodes: shop.nodes, edges: [...shop.edges, call("cart", "idle")] };
  assert.deepEqual(withGraph(dragged, called).places.get("idle"), { xPx: -40, yPx: 7 });
});

test("a mesh seen for the first time is placed afresh until it settles", () => {
  const first = withGraph(EMPTY_MEMORY, { nodes: shop.nodes, edges: [] });
  assert.equal(first.isSettled, false);
  assert.deepEqual(withGraph(first, shop).places, placedAfresh(shop).places);
});

test("what is kept is read back the same", () => {
  const memory = withDragged(placedAfresh(shop), "cart", { xPx: 1, yPx: 2 });
  assert.deepEqual(parseMemory(serializeMemory(memory)), memory);
});

for (const text of [null, "", "{", "null", '{"places":3}', '{"places":[[1,2,3],["a",null,1]]}']) {
  test(`nothing is remembered from ${text}`, () => {
    assert.equal(parseMemory(text).places.size, 0);
    assert.equal(parseMemory(text).isSettled, false);
  });
}
