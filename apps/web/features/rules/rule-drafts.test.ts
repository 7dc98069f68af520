import assert from "node:assert/strict";
import { test } from "node:test";
import { draftIds, dropDraft, loadDraft, saveDraft } from "./rule-drafts.ts";

class Memory {
  readonly #values = new Map<string, string>();
  readonly #mostEntries: number;
  constructor(mostEntries = 1000) {
    this.#mostEntries = mostEntries;
  }
  get length() {
    return this.#values.size;
  }
  key(index: number) {
    return [...this.#values.keys()][index] ?? null;
  }
  getItem(key: string) {
    return this.#values.get(key) ?? null;
  }
  setItem(key: string, value: string) {
    if (this.#values.size >= this.#mostEntries) throw new Error("quota exceeded");
    this.#values.set(key, value);
  }
  removeItem(key: string) {
    this.#values.delete(key);
  }
}

const draft = (savedAtMs: number) => ({
  text: "a: 2\n",
  base: "a: 1\n",
  baseRevision: 7,
  savedAtMs,
});

test("a draft survives until it is dropped", () => {
  const store = new Memory();
  assert.equal(saveDraft(store, "Sidecar/shop/web", draft(1)), true);
  assert.deepEqual(loadDraft(store, "Sidecar/shop/web"), draft(1));
  dropDraft(store, "Sidecar/shop/web");
  assert.equal(loadDraft(store, "Sidecar/shop/web"), undefined);
});

test("the oldest drafts give way, newest first in the list", () => {
  const store = new Memory();
  for (let index = 0; index < 35; index += 1) saveDraft(store, `k/n/${index}`, draft(index));
  assert.equal(draftIds(store).length, 30);
  assert.equal(draftIds(store)[0], "k/n/34");
  assert.equal(loadDraft(store, "k/n/4"), undefined);
});

test("says so when the browser keeps no more", () => {
  assert.equal(saveDraft(new Memory(0), "k/n/a", draft(1)), false);
});

test("what is no draft counts as none", () => {
  const store = new Memory();
  for (const kept of ["", "7", "null", "{}", '{"text":1}']) {
    store.setItem("heddle-draft k/n/a", kept);
    assert.equal(loadDraft(store, "k/n/a"), undefined);
  }
});
