import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyContent, type SourceContent, type SourceDocument } from "./source-content.ts";
import {
  confirmHold,
  dismissHold,
  type ReadingSituation,
  type ServiceLoss,
  takeReading,
} from "./take-reading.ts";

/** Each document is one endpoint of the service its name begins with: `db-1` of `db`. */
const named = (name: string, yaml = "as it was"): SourceDocument => ({
  ...{ kind: "WorkloadEntry", namespace: "shop", name, yaml, createdAtMs: 1 },
});
const documents = (...names: string[]) => names.map((name) => named(name));
const namesIn = ({ documents: all }: SourceContent) => all.map(({ name }) => name).sort();

function weigh(now: readonly SourceDocument[], next: readonly SourceDocument[]): ServiceLoss[] {
  const serviceOf = ({ name }: SourceDocument) => `shop/${name.split("-")[0]}`;
  const isSame = (one: SourceDocument) =>
    next.some((other) => other.name === one.name && other.yaml === one.yaml);
  const byService = Map.groupBy(now, serviceOf);
  return [...byService].flatMap(([service, all]) => {
    const refs = all.filter((one) => !isSame(one)).map(({ name }) => `WorkloadEntry shop/${name}`);
    const after = next.filter((one) => serviceOf(one) === service).length;
    return refs.length === 0 ? [] : [{ service, before: all.length, after, refs }];
  });
}

const situation = (more: Partial<ReadingSituation> = {}): ReadingSituation => ({
  weigh,
  isUsed: () => true,
  justGone: () => 0,
  maxLossPercent: 50,
  nowMs: 1000,
  ...more,
});

const content = (...names: string[]): SourceContent => ({
  ...emptyContent(0),
  documents: documents(...names),
});

test("what a source names is taken, and half of a service's endpoints may go", () => {
  const before = content("db-1", "db-2");
  const after = takeReading(before, { documents: documents("db-2"), faults: [] }, situation());
  assert.deepEqual([namesIn(after), after.holds, after.lastChangeAtMs], [["db-2"], [], 1000]);
});

test("more than half of a service in use stays and asks, while all else the source says is taken", () => {
  const before = content("db-1", "db-2", "db-3", "web-1");
  const reading = { documents: documents("db-3", "web-1", "web-2"), faults: [] };
  const after = takeReading(before, reading, situation());
  assert.deepEqual(namesIn(after), ["db-1", "db-2", "db-3", "web-1", "web-2"]);
  const [hold] = after.holds;
  assert.deepEqual(
    [hold?.service, hold?.endpointsBefore, hold?.endpointsAfter, hold?.kept.length],
    ["shop/db", 3, 1, 2],
  );
  const unused = takeReading(before, reading, situation({ isUsed: () => false }));
  assert.deepEqual([namesIn(unused), unused.holds], [["db-3", "web-1", "web-2"], []]);
});

test("a source that names nothing, or cannot be read, keeps all, in use or not", () => {
  const before = content("db-1", "db-2", "web-1");
  const isUsed = () => false;
  for (const reading of [
    { documents: [], faults: [] },
    { documents: undefined, faults: [{ message: "it is not there" }] },
  ]) {
    const after = takeReading(before, reading, situation({ isUsed }));
    assert.deepEqual(namesIn(after), ["db-1", "db-2", "web-1"]);
    assert.deepEqual(
      after.holds.map(({ service }) => service),
      ["shop/db", "shop/web"],
    );
    assert.equal(after.state, reading.documents === undefined ? "failing" : "ok");
  }
});

test("losses in small steps within a minute count as one", () => {
  const before = content("db-1", "db-2", "db-3");
  const reading = { documents: documents("db-1", "db-2"), faults: [] };
  const lately = situation({ justGone: () => 2 });
  assert.equal(takeReading(before, reading, lately).holds.length, 1, "three of five");
});

test("a hold keeps its name and its beginning while it lasts, and ends when the source names enough again", () => {
  const empty = { documents: [], faults: [] };
  const first = takeReading(content("db-1", "db-2", "db-3"), empty, situation());
  const later = takeReading(first, empty, situation({ nowMs: 9000 }));
  assert.deepEqual(later.holds, first.holds);
  const dismissed = dismissHold(later, later.holds[0]?.id ?? "", "ada", 9500);
  const still = takeReading(dismissed, empty, situation({ nowMs: 9900 }));
  assert.equal(still.holds[0]?.dismissedBy, "ada", "and is not asked again");
  const back = takeReading(
    still,
    { documents: documents("db-1", "db-3"), faults: [] },
    situation({ nowMs: 10_000 }),
  );
  assert.deepEqual([namesIn(back), back.holds], [["db-1", "db-3"], []]);
});

test("a yes makes of what is held what the source says: gone, or as it stands now", () => {
  const before = content("db-1", "db-2");
  const next = [named("db-1", "another")];
  const held = takeReading(
    before,
    { documents: next, faults: [] },
    situation({ maxLossPercent: 0 }),
  );
  assert.deepEqual(namesIn(held), ["db-1", "db-2"]);
  const after = confirmHold(held, held.holds[0]?.id ?? "", 2000);
  assert.deepEqual(
    after.documents.map(({ name, yaml }) => [name, yaml]),
    [["db-1", "another"]],
  );
  assert.deepEqual(after.holds, []);
});

test("a document that was there already keeps its age", () => {
  const again = { ...named("db-1", "another"), createdAtMs: 500 };
  const after = takeReading(content("db-1"), { documents: [again], faults: [] }, situation());
  assert.deepEqual(
    after.documents.map(({ yaml, createdAtMs }) => [yaml, createdAtMs]),
    [["another", 1]],
  );
});

test("whatever a source says, no service in use falls below its share without a hold that keeps it", () => {
  const some = fc.uniqueArray(fc.constantFrom("db-1", "db-2", "db-3", "web-1", "web-2", "x-1"));
  const saying = fc.option(some, { nil: undefined });
  fc.assert(
    fc.property(some, fc.array(saying, { maxLength: 6 }), (start, sayings) => {
      let now = content(...start);
      for (const [turn, said] of sayings.entries()) {
        const before = now;
        const reading = { documents: said?.map((name) => named(name)), faults: [] };
        now = takeReading(before, reading, situation({ nowMs: turn }));
        for (const { after, before: had } of weigh(before.documents, now.documents)) {
          assert.ok((had - after) * 100 <= had * 50);
        }
      }
    }),
  );
});
