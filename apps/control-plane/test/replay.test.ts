import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { ApplyResponse, ResourcesResponse, RestoreResponse } from "@heddle/contracts";
import { type ConfigDb, openConfigDb } from "@heddle/store";
import { startDatabase, waitFor } from "@heddle/testkit";
import fc from "fast-check";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";

// The hypothesis: whatever is done, by whom, through which control plane and at once with what else, the documents in
// force are exactly what the revision log replays to, and a way back leads to the state it names.

const RUNS = Number(process.env["HEDDLE_REPLAY_RUNS"] ?? 6);
const SEED = Number(process.env["HEDDLE_REPLAY_SEED"] ?? randomInt(2 ** 31 - 1));

const NAMES = ["alpha", "beta", "gamma"] as const;
/** What may come of a change: taken, nothing like it there, overtaken by another, or not fitting the others. */
const EXPECTED_STATUSES = [200, 404, 409, 422];

type Act =
  | { readonly kind: "apply"; readonly documents: readonly Written[]; readonly isLocked: boolean }
  | { readonly kind: "delete"; readonly name: (typeof NAMES)[number] }
  | {
      readonly kind: "restore";
      readonly at: number;
      readonly scope: "mesh" | "documents";
      readonly side: "before" | "after";
      readonly dryRun: boolean;
    }
  | { readonly kind: "restore-at"; readonly at: number };
type Written = {
  readonly kind: "VirtualService" | "DestinationRule";
  readonly name: (typeof NAMES)[number];
  readonly value: number;
};

const written: fc.Arbitrary<Written> = fc.record({
  kind: fc.constantFrom("VirtualService", "DestinationRule"),
  name: fc.constantFrom(...NAMES),
  value: fc.integer({ min: 1, max: 4 }),
});
/** A place in the history so far, 0 oldest to 1 newest. */
const place = fc.double({ min: 0, max: 1, noNaN: true });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("apply" as const),
      documents: fc.uniqueArray(written, {
        minLength: 1,
        maxLength: 3,
        selector: ({ kind, name }) => `${kind} ${name}`,
      }),
      isLocked: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("delete" as const),
      name: fc.constantFrom(...NAMES),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("restore" as const),
      at: place,
      scope: fc.constantFrom("mesh", "documents"),
      side: fc.constantFrom("before", "after"),
      dryRun: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore-at" as const), at: place }) },
);
/** Acts by one or two people at once, each at one of the two control planes. */
const round = fc.array(fc.record({ act, plane: fc.nat({ max: 1 }) }), {
  minLength: 1,
  maxLength: 3,
});

function yamlOf({ kind, name, value }: Written): string {
  const head = `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\n`;
  return kind === "VirtualService"
    ? `${head}spec: {hosts: [${name}], http: [{timeout: ${value}s, route: [{destination: {host: ${name}}}]}]}\n`
    : `${head}spec: {host: ${name}, trafficPolicy: {connectionPool: {tcp: {maxConnections: ${value}}}}}\n`;
}

type State = ReadonlyMap<string, { readonly yaml: string; readonly revision: number }>;

/** The states after each revision, by replaying the log; fails where a change was not made on the state before it. */
async function replay(db: ConfigDb): Promise<ReadonlyMap<number, State>> {
  const rows = await db.prisma.revision.findMany({
    include: { changes: true },
    orderBy: { id: "asc" },
  });
  const states = new Map<number, State>([[0, new Map()]]);
  let state: State = new Map();
  for (const { id, changes } of rows) {
    const next = new Map(state);
    for (const { kind, namespace, name, before, after } of changes) {
      const key = `${kind} ${namespace}/${name}`;
      assert.equal(
        before,
        state.get(key)?.yaml ?? null,
        `revision ${id} was made on another ${key}`,
      );
      if (after === null) next.delete(key);
      else next.set(key, { yaml: after, revision: id });
    }
    state = next;
    states.set(id, state);
  }
  return states;
}

async function inForce(plane: RunningControlPlane): Promise<State> {
  const { body } = await plane.call<ResourcesResponse>("GET", "/resources");
  return new Map(
    body.resources.map(({ kind, namespace, name, yaml, revision }) => {
      return [`${kind} ${namespace}/${name}`, { yaml, revision }];
    }),
  );
}

function textsOf(state: State | undefined): Record<string, string> {
  const texts = [...(state ?? [])].map(([key, { yaml }]) => [key, yaml] as const);
  return Object.fromEntries(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Done = { readonly act: Act; readonly target: number; readonly answer: RestoreResponse };

/** Carries an act out. `undefined`: it was refused. */
async function carryOut(
  db: ConfigDb,
  plane: RunningControlPlane,
  act: Act,
): Promise<Done | undefined> {
  const newest = (await db.prisma.revision.aggregate({ _max: { id: true } }))._max.id ?? 0;
  const target = "at" in act ? Math.max(1, Math.round(act.at * newest)) : 0;
  const send = async (): Promise<{ status: number; body: ApplyResponse }> => {
    if (act.kind === "delete") {
      return plane.call("DELETE", `/resources/VirtualService/shop/${act.name}`);
    }
    if (act.kind === "restore") {
      const { scope, side, dryRun } = act;
      return plane.call("POST", `/revisions/${target}/restore`, { scope, side, dryRun });
    }
    if (act.kind === "restore-at") {
      const row = await db.prisma.revision.findUnique({ where: { id: target } });
      return plane.call("POST", "/restore", { atMs: row?.createdAt.getTime() ?? 0 });
    }
    const state = await inForce(plane);
    const expected = act.documents.map(({ kind, name }) => {
      const revision = state.get(`${kind} shop/${name}`)?.revision ?? 0;
      return { kind, namespace: "shop", name, revision };
    });
    const yaml = act.documents.map(yamlOf).join("---\n");
    return plane.apply(yaml, act.isLocked ? { expected } : {});
  };
  const { status, body } = await send();
  assert.ok(EXPECTED_STATUSES.includes(status), `${JSON.stringify(act)}: ${JSON.stringify(body)}`);
  return status === 200 ? { act, target, answer: body as RestoreResponse } : undefined;
}

/** What was answered is what the log says. */
function checkDone({ act, target, answer }: Done, states: ReadonlyMap<number, State>): void {
  if (act.kind === "restore" && act.dryRun) assert.equal(answer.revision, 0);
  if (answer.revision === 0) return;
  const made = states.get(answer.revision);
  assert.ok(made, `revision ${answer.revision} was answered and is not in the log`);
  for (const { kind, namespace, name, after } of answer.changes) {
    assert.equal(made.get(`${kind} ${namespace}/${name}`)?.yaml, after);
  }
  if (act.kind === "apply") {
    for (const { kind, name } of act.documents) assert.ok(made.has(`${kind} shop/${name}`));
  }
  const isMesh = act.kind === "restore-at" || (act.kind === "restore" && act.scope === "mesh");
  if (isMesh) assert.deepEqual(textsOf(made), textsOf(states.get(answer.restoredRevision)));
  if (act.kind === "restore" && act.side === "after") assert.equal(answer.restoredRevision, target);
}

async function openTwo(t: TestContext) {
  const { url } = await startDatabase(t);
  const planes = [await runControlPlane(t, url), await runControlPlane(t, url)] as const;
  const db = openConfigDb(url, () => undefined);
  t.after(() => db.close());
  return { planes, db };
}

test(`the documents in force are what the log replays to, whatever was done (seed ${SEED})`, async (t) => {
  const { planes, db } = await openTwo(t);
  let taken = 0;
  const property = fc.asyncProperty(
    fc.array(round, { minLength: 3, maxLength: 10 }),
    async (rounds) => {
      const done: (Done | undefined)[] = [];
      for (const acts of rounds) {
        const together = acts.map(({ act, plane }) =>
          carryOut(db, planes[plane === 0 ? 0 : 1], act),
        );
        done.push(...(await Promise.all(together)));
      }
      const states = await replay(db);
      const last = [...states.values()].at(-1) ?? new Map();
      const rows = await db.prisma.resource.findMany();
      const kept: State = new Map(
        rows.map(({ kind, namespace, name, yaml, revisionId }) => {
          return [`${kind} ${namespace}/${name}`, { yaml, revision: revisionId }];
        }),
      );
      assert.deepEqual(kept, last);
      for (const one of done) if (one) checkDone(one, states);
      taken += done.filter((one) => (one?.answer.revision ?? 0) > 0).length;
      for (const plane of planes) {
        await waitFor("a control plane serves the newest state", 20_000, async () => {
          return JSON.stringify(textsOf(await inForce(plane))) === JSON.stringify(textsOf(last));
        });
      }
    },
  );
  await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
  assert.ok(taken > RUNS, `only ${taken} changes were taken: the test says nothing`);
  t.diagnostic(`${taken} revisions by two control planes, seed ${SEED}`);
});
