import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanariedPush } from "@heddle/contracts";
import { failedWords, heldBackWords, pushTitle, watchWords } from "./push-words.ts";

const NONE = { requests: 0, errors: 0, denied: 0 };
const push = (more: Partial<CanariedPush> = {}): CanariedPush => ({
  id: "p1",
  status: "running",
  revisions: [41],
  resources: [],
  startedAtMs: 1000,
  startedBy: "mara",
  why: "It concerns 20 of 20 proxies.",
  proxiesConcerned: 20,
  windowMs: 60_000,
  first: ["a", "b", "c"].map((name) => ({
    proxyId: name,
    name,
    workloads: [],
    state: "acked",
    sinceMs: 0,
  })),
  counts: { first: NONE, others: NONE, before: NONE },
  words: "",
  ...more,
});
const plain = (text: string | undefined) => text?.replaceAll(/[\u00a0\u202f]/g, " ");

test("a push says how many have which revisions", () => {
  assert.equal(plain(pushTitle(push())), "3 of 20 proxies run revision 41 first");
  assert.equal(
    plain(pushTitle(push({ first: push().first.slice(0, 1), revisions: [41, 42, 43] }))),
    "1 of 20 proxies runs revisions 41, 42 and 43 first",
  );
});

test("of a push that has ended it says who had the change first", () => {
  assert.equal(
    plain(pushTitle(push({ status: "stopped" }))),
    "3 of 20 proxies had revision 41 first",
  );
});

test("what is left to watch counts from when all first proxies run it, and only while it runs", () => {
  assert.match(watchWords(push(), 5000) ?? "", /begins once all of them run it/);
  const watched = push({ watchedSinceMs: 10_000 });
  assert.equal(plain(watchWords(watched, 28_000)), "Watching their errors, 42 s left.");
  assert.match(watchWords(watched, 70_000) ?? "", /all others follow/);
  assert.equal(watchWords(push({ status: "stopped" }), 5000), undefined);
});

test("a share of failures stands with its counts, and without requests there is none", () => {
  assert.equal(plain(failedWords({ requests: 3000, errors: 12, denied: 0 })), "0.4 %, 12 of 3,000");
  assert.equal(failedWords(NONE), "no requests");
});

test("who has just made a change hears who waits for it, and for what", () => {
  assert.equal(
    plain(heldBackWords({ id: "p1", first: 3, heldBack: 17 })),
    "17 other proxies get it when the first 3 stay well.",
  );
  assert.equal(
    plain(heldBackWords({ id: "p1", first: 1, heldBack: 1 })),
    "1 other proxy gets it when the first one stays well.",
  );
});
