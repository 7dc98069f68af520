import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createLogger } from "@heddle/runtime";
import { waitFor } from "@heddle/testkit";
import { Singletons } from "./singleton.ts";

/** Locks of several holders, as the database keeps them. */
class Locks {
  readonly #holders = new Map<string, string>();

  of(holder: string) {
    return {
      holds: (name: string) => this.#holders.get(name) === holder,
      tryLock: async (name: string) => {
        if (!this.#holders.has(name)) this.#holders.set(name, holder);
        return this.#holders.get(name) === holder;
      },
    };
  }

  free(name: string): void {
    this.#holders.delete(name);
  }
}

function start(t: TestContext, locks: Locks, holder: string): Singletons {
  const singletons = new Singletons(locks.of(holder), createLogger("test", "fatal"));
  t.after(() => singletons.close());
  singletons.start();
  return singletons;
}

test("a task is carried out by one control plane, and by another as soon as the first has lost it", async (t) => {
  const locks = new Locks();
  const turns: string[] = [];
  const all = ["a", "b"].map((holder) => {
    const singletons = start(t, locks, holder);
    singletons.add({ name: "sweep", everyMs: 0, run: async () => void turns.push(holder) });
    return singletons;
  });
  await waitFor("three turns", 20_000, () => turns.length >= 3);
  const [first] = turns;
  assert.deepEqual([...new Set(turns)], [first]);
  assert.deepEqual(all.map((one) => one.held.length).toSorted(), [0, 1]);
  await all[first === "a" ? 0 : 1]?.close();
  turns.length = 0;
  locks.free("sweep");
  await waitFor("a turn of the other", 20_000, () => turns.length > 0);
  assert.notEqual(turns[0], first);
});

test("a turn under way is told when its task is lost, and no second one begins beside it", async (t) => {
  const locks = new Locks();
  const singletons = start(t, locks, "a");
  let underWay = 0;
  let most = 0;
  let isTold = false;
  singletons.add({
    name: "sweep",
    everyMs: 0,
    run: async (signal) => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      isTold = true;
      underWay -= 1;
    },
  });
  await waitFor("a turn", 20_000, () => underWay === 1);
  locks.free("sweep");
  await waitFor("the signal", 20_000, () => isTold);
  assert.equal(most, 1);
});

test("a turn that fails is followed by the next", async (t) => {
  const singletons = start(t, new Locks(), "a");
  let turns = 0;
  singletons.add({
    name: "sweep",
    everyMs: 0,
    run: async () => {
      turns += 1;
      throw new Error("the disk is full");
    },
  });
  await waitFor("a second turn", 20_000, () => turns > 1);
});
