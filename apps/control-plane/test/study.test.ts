import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Registry } from "../src/registry/registry.ts";
import { compileSnapshot } from "../src/snapshot/config-snapshot.ts";
import { document, parseDocuments } from "../src/snapshot/test-documents.ts";
import { Study } from "../src/study/study.ts";
import { StudyBusyError, StudyFailedError } from "../src/study/study-errors.ts";

const RULE = document(
  "DestinationRule",
  "till",
  "shop",
  "{host: till, trafficPolicy: {tls: {mode: DISABLE}}}",
);
const STRICT = document("PeerAuthentication", "all", "shop", "{mtls: {mode: STRICT}}");
/** Some seconds of reading. */
const LONG = `${RULE}\n---\n${Array.from({ length: 12_000 }, (_, index) => `k${index}: [a]`).join("\n")}`;
const UNUSED_DATABASE = "postgres://nobody@127.0.0.1:1/none";

function startStudy(t: TestContext, limits: { maxMemoryMb?: number } = {}) {
  const config = { snapshot: compileSnapshot(1, parseDocuments(STRICT)) };
  const registry = new Registry();
  const study = new Study({
    ...{ databaseUrl: UNUSED_DATABASE, trustDomain: "cluster.local", logger: { warn: () => {} } },
    current: () => ({ snapshot: config.snapshot, registry }),
    ...limits,
  });
  t.after(() => study.close());
  const codesOf = async (text: string) => {
    const files = [{ name: "a.yaml", text }];
    const { findings } = await study.ask("analyze-files", {
      ...{ files, namespace: undefined, nowMs: 0 },
    });
    return findings.map(({ code }) => code as string);
  };
  return { config, study, codesOf };
}

test("documents are held against those in force now, whatever was in force before", async (t) => {
  const { config, codesOf } = startStudy(t);
  assert.ok((await codesOf(RULE)).includes("HDL006"));
  config.snapshot = compileSnapshot(2, parseDocuments(), config.snapshot);
  assert.ok(!(await codesOf(RULE)).includes("HDL006"));
  config.snapshot = compileSnapshot(3, parseDocuments(STRICT), config.snapshot);
  assert.ok((await codesOf(RULE)).includes("HDL006"));
});

test("the event loop turns while a long text is read", { timeout: 120_000 }, async (t) => {
  const { study } = startStudy(t);
  const read: boolean[] = [];
  let turns = 0;
  const reading = study.ask("parse", { text: LONG, twins: "refuse" });
  void reading.then(({ ok }) => read.push(ok));
  for (; read.length === 0; turns++) await setImmediate();
  assert.deepEqual(read, [false]); // its second document is no resource
  assert.ok(turns > 1000, `${turns} turns`);
});

test("a question whose asker has gone is given up, and the next is answered", async (t) => {
  const { study, codesOf } = startStudy(t);
  const controller = new AbortController();
  const asked = study.ask("parse", { text: LONG, twins: "refuse" }, controller);
  controller.abort(new Error("gone"));
  await assert.rejects(asked, /gone/);
  assert.ok((await codesOf(RULE)).includes("HDL006"));
});

test("a question that takes too long fails, though its thread hangs at it, and the next is answered", {
  timeout: 120_000,
}, async (t) => {
  const { study, codesOf } = startStudy(t);
  await study.ask("parse", { text: RULE, twins: "refuse" }); // the thread has started
  const asked = study.ask("parse", { text: LONG, twins: "refuse" }, { limitMs: 100 });
  await assert.rejects(asked, StudyFailedError);
  assert.ok((await codesOf(RULE)).includes("HDL006"));
});

test("a question that takes all memory fails alone, after a second attempt", {
  timeout: 120_000,
}, async (t) => {
  const { study } = startStudy(t, { maxMemoryMb: 40 });
  const text = Array.from({ length: 900 }, (_, index) =>
    document("DestinationRule", `rule-${index}`, "shop", "{host: till}"),
  ).join("\n---\n");
  const files = Array.from({ length: 20 }, (_, index) => ({ name: `${index}.yaml`, text }));
  const question = { files, namespace: undefined, nowMs: 0 };
  await assert.rejects(study.ask("analyze-files", question), StudyFailedError);
  const parsed = await study.ask("parse", { text: RULE, twins: "refuse" });
  assert.equal(parsed.ok, true);
});

test("no more questions are taken than may be under way", async (t) => {
  const { study } = startStudy(t);
  const asked = Array.from({ length: 40 }, () =>
    study.ask("parse", { text: RULE, twins: "refuse" }).then(
      () => "answered",
      (error: unknown) => (error instanceof StudyBusyError ? "refused" : String(error)),
    ),
  );
  const counts = Map.groupBy(await Promise.all(asked), (one) => one);
  assert.deepEqual([counts.get("answered")?.length, counts.get("refused")?.length], [32, 8]);
});
