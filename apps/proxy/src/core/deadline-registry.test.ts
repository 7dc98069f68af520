import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadlineRegistry, deadlinesOf } from "./deadline-registry.ts";

test("a call under the span of a request ends when that request's caller stops waiting", () => {
  const registry = new DeadlineRegistry();
  registry.note("trace", "span", 500);
  assert.equal(registry.find("trace", "span"), 500);
  registry.forget("span");
  assert.equal(registry.find("trace", "span"), undefined);
  assert.equal(registry.isEmpty, true);
});

test("a call under a span of the app's own ends with the longest wait of its trace", () => {
  const registry = new DeadlineRegistry();
  registry.note("trace", "a", 500);
  registry.note("trace", "b", 900);
  assert.equal(registry.find("trace", "an app's span"), 900);
  assert.equal(registry.find("trace", "a"), 500);
  assert.equal(registry.find("another trace", "an app's span"), undefined);
});

test("remembers a bounded number of requests, the newest ones", () => {
  const registry = new DeadlineRegistry();
  for (let index = 0; index < 20_000; index++) registry.note(`t${index}`, `s${index}`, index);
  assert.equal(registry.find("t0", "s0"), undefined);
  assert.equal(registry.find("t19999", "s19999"), 19_999);
});

test("both sides of one workload share a registry, other workloads have their own", () => {
  const [one, other] = [{}, {}];
  assert.equal(deadlinesOf(one), deadlinesOf(one));
  assert.notEqual(deadlinesOf(one), deadlinesOf(other));
});
