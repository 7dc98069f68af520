import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeFolder } from "./change-folder.ts";

test("hands a single change on at once", () => {
  const seen: string[][] = [];
  const folder = new ChangeFolder((keys) => seen.push([...keys]));
  folder.add(["a", "b"]);
  assert.deepEqual(seen, [["a", "b"]]);
  folder.add([]);
  assert.equal(seen.length, 1);
});

test("hands a change on at once after a quiet while, however long the burst before was", () => {
  let nowMs = 0;
  const seen: string[][] = [];
  const folder = new ChangeFolder(
    (keys) => seen.push([...keys]),
    () => nowMs,
  );
  folder.add(["a"]);
  nowMs = 200;
  folder.add(["b"]);
  assert.deepEqual(seen, [["a"], ["b"]]);
});

test("folds five hundred changes of a second into few, and loses none", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const seen: ReadonlySet<string>[] = [];
  const folder = new ChangeFolder(
    (keys) => seen.push(keys),
    () => nowMs,
  );
  for (let change = 0; change < 500; change++) {
    folder.add([`endpoints/shop/s${change}`]);
    nowMs += 2;
    t.mock.timers.tick(2);
  }
  nowMs += 200;
  t.mock.timers.tick(200);
  assert.ok(seen.length <= 11, `${seen.length} pushes`);
  assert.equal(new Set(seen.flatMap((keys) => [...keys])).size, 500);
});
