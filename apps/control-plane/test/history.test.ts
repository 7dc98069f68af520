import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  AuditResponse,
  CommentsResponse,
  CompareResponse,
  ConflictProblem,
  MergeResponse,
  Problem,
  ResourcesResponse,
  RestoreResponse,
  RevisionMarks,
  RevisionsResponse,
} from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";

async function yamlOf(plane: RunningControlPlane): Promise<Record<string, string>> {
  const { body } = await plane.call<ResourcesResponse>("GET", "/resources");
  return Object.fromEntries(body.resources.map((one) => [`${one.kind}/${one.name}`, one.yaml]));
}

/** Three revisions: reviews 90/10, ratings 50/50, reviews 70/30. */
async function threeRevisions(plane: RunningControlPlane): Promise<void> {
  await plane.apply(
    documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 90, v2: 10 })),
  );
  await plane.apply(
    documents(subsets("ratings", "v1", "v2"), split("ratings", { v1: 50, v2: 50 })),
    { reason: "half and half" },
  );
  await plane.apply(split("reviews", { v1: 70, v2: 30 }));
}

test("restoring the mesh takes every document back, its own documents only those it changed", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await threeRevisions(plane);
  const before = await yamlOf(plane);
  const preview = await plane.call<RestoreResponse>("POST", "/revisions/1/restore", {
    dryRun: true,
  });
  assert.deepEqual(
    preview.body.undoes.map(({ revision, reason }) => [revision, reason]),
    [
      [3, undefined],
      [2, "half and half"],
    ],
  );
  assert.deepEqual(await yamlOf(plane), before);
  const own = await plane.call<RestoreResponse>("POST", "/revisions/1/restore", {
    scope: "documents",
  });
  assert.deepEqual(
    own.body.changes.map(({ kind, name }) => `${kind}/${name}`),
    ["VirtualService/reviews"],
  );
  assert.deepEqual(
    own.body.undoes.map(({ revision }) => revision),
    [3],
  );
  const after = await yamlOf(plane);
  assert.match(after["VirtualService/reviews"] ?? "", /weight: 90/);
  assert.ok("VirtualService/ratings" in after);
  await plane.call("POST", "/revisions/1/restore", {});
  assert.deepEqual(Object.keys(await yamlOf(plane)), [
    "DestinationRule/reviews",
    "VirtualService/reviews",
  ]);
});

test("taking back one revision leaves what came after it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await threeRevisions(plane);
  const { body } = await plane.call<RestoreResponse>("POST", "/revisions/2/restore", {
    scope: "documents",
    side: "before",
  });
  assert.deepEqual([body.revision, body.restoredRevision], [4, 1]);
  const after = await yamlOf(plane);
  assert.ok(!("VirtualService/ratings" in after));
  assert.match(after["VirtualService/reviews"] ?? "", /weight: 70/);
  const { body: history } = await plane.call<RevisionsResponse>("GET", "/revisions?limit=1");
  assert.equal(history.revisions[0]?.summary, "Took back revision 2");
  const { body: back } = await plane.call<RestoreResponse>("POST", "/revisions/1/restore", {
    side: "before",
  });
  assert.equal(back.restoredRevision, 0);
  assert.deepEqual(await yamlOf(plane), {});
});

test("the mesh goes back to a moment, but neither to one before it began nor to one to come", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await threeRevisions(plane);
  const { body: history } = await plane.call<RevisionsResponse>("GET", "/revisions");
  const second = history.revisions.find(({ revision }) => revision === 2);
  const { body } = await plane.call<RestoreResponse>("POST", "/restore", {
    atMs: second?.createdAtMs,
  });
  assert.equal(body.restoredRevision, 2);
  assert.match((await yamlOf(plane))["VirtualService/reviews"] ?? "", /weight: 90/);
  const tooEarly = await plane.call("POST", "/restore", { atMs: 1000 });
  assert.deepEqual([tooEarly.status, tooEarly.body.code], [404, "HEDDLE_NOT_FOUND"]);
  const toCome = await plane.call("POST", "/restore", { atMs: Date.now() + 3_600_000 });
  assert.equal(toCome.status, 409);
  assert.match(toCome.body.detail, /has not come yet/);
  const viewer = await plane.callAs("viewer", "POST", "/restore", { atMs: Date.now() });
  assert.equal(viewer.status, 403);
});

test("two states are compared document by document", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await threeRevisions(plane);
  const { body } = await plane.call<CompareResponse>("GET", "/compare?from=1&to=3");
  assert.deepEqual(
    body.changes.map(({ name, action }) => `${name} ${action}`),
    ["ratings created", "ratings created", "reviews updated"],
  );
  const nothing = await plane.call<CompareResponse>("GET", "/compare?from=0&to=1");
  assert.equal(nothing.body.changes.length, 2);
  assert.equal((await plane.call("GET", "/compare?from=1&to=99")).status, 404);
});

test("pins, names and comments stand beside a revision, with who put them there", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await threeRevisions(plane);
  const before = (await plane.call<RevisionsResponse>("GET", "/revisions")).body.revisions[1];
  await plane.callAs("operator", "PUT", "/revisions/2/pin", { isPinned: true });
  const named = await plane.callAs<RevisionMarks>("operator", "PUT", "/revisions/2/name", {
    name: "before-sale",
  });
  assert.deepEqual(
    [named.body.name, named.body.isPinned, named.body.author],
    ["before-sale", true, "ada"],
  );
  const text = "p99 is fine since";
  await plane.callAs("operator", "POST", "/revisions/2/comments", { text });
  const { body: comments } = await plane.call<CommentsResponse>("GET", "/revisions/2/comments");
  assert.deepEqual(
    comments.comments.map((one) => [one.author, one.text]),
    [["ada", text]],
  );
  const { body: pinned } = await plane.call<RevisionsResponse>("GET", "/revisions?pinned=true");
  const { marks, ...rest } = pinned.revisions[0] ?? {};
  assert.equal(marks?.comments, 1);
  const { effect: _1, ...restWithoutEffect } = rest as { effect?: unknown };
  const { effect: _2, ...untouched } = before ?? {};
  assert.deepEqual(restWithoutEffect, untouched);
  const { body: byName } = await plane.call<RevisionsResponse>(
    "GET",
    "/revisions?name=before-sale",
  );
  assert.equal(byName.revisions[0]?.revision, 2);
  const { body: audit } = await plane.call<AuditResponse>("GET", "/audit");
  assert.deepEqual(
    audit.entries
      .filter(({ act }) => act.startsWith("revision."))
      .map(({ act, target }) => `${act} ${target}`)
      .sort(),
    ["revision.comment revision 2", "revision.name revision 2", "revision.pin revision 2"],
  );
});

test("a name is given once, and a viewer marks nothing", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await threeRevisions(plane);
  await plane.call("PUT", "/revisions/1/name", { name: "good" });
  const twice = await plane.call("PUT", "/revisions/2/name", { name: "good" });
  assert.equal(twice.status, 409);
  assert.match(twice.body.detail, /another revision is called good/);
  const bad = await plane.call("PUT", "/revisions/2/name", { name: "12" });
  assert.equal(bad.status, 400);
  for (const [method, path, body] of [
    ["PUT", "/revisions/1/pin", { isPinned: true }],
    ["PUT", "/revisions/1/name", { name: "mine" }],
    ["POST", "/revisions/1/comments", { text: "hm" }],
  ] as const) {
    assert.equal((await plane.callAs("viewer", method, path, body)).status, 403);
  }
});

const TIMED = (timeout: string, retries: number, more = "") => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ratings
  namespace: shop
${more}spec:
  hosts: [ratings]
  http:
  - timeout: ${timeout}
    retries: {attempts: ${retries}}
    route:
    - destination: {host: ratings}
`;

test("who edits what has moved on is shown all three sides, and the merged text where they do not meet", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await plane.apply(TIMED("1s", 1));
  await plane.apply(TIMED("2s", 1), { reason: "slow today" });
  const lock = { kind: "VirtualService", namespace: "shop", name: "ratings", revision: 1 };
  const stale = await plane.apply<ConflictProblem>(TIMED("1s", 3), { expected: [lock] });
  assert.deepEqual([stale.status, stale.body.code], [409, "HEDDLE_REVISION_CONFLICT"]);
  const [merge] = stale.body.merges;
  assert.match(merge?.merged ?? "", /timeout: 2s\n +retries:\n +attempts: 3/);
  assert.deepEqual(
    merge?.changes.map(({ revision, author, reason }) => [revision, author, reason]),
    [[2, "ada", "slow today"]],
  );
  const joined = await plane.apply(merge?.merged ?? "", { expected: [{ ...lock, revision: 2 }] });
  assert.equal(joined.body.revision, 3);
  const meeting = await plane.call<MergeResponse>("POST", "/merge", {
    yaml: TIMED("5s", 1),
    expected: [lock],
  });
  assert.deepEqual(meeting.body.merges[0]?.conflicts, [
    { path: "spec.http[0].timeout", base: "1s", theirs: "2s", yours: "5s" },
  ]);
  assert.equal(meeting.body.merges[0]?.merged, undefined);
});

test("the revision a document was read at locks it, and is not kept in it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const readAt = (revision: string) => `  annotations:\n    heddle.dev/revision: "${revision}"\n`;
  await plane.apply(TIMED("1s", 1));
  await plane.apply(TIMED("2s", 1, readAt("1")));
  assert.doesNotMatch((await yamlOf(plane))["VirtualService/ratings"] ?? "", /annotations/);
  const stale = await plane.apply<ConflictProblem>(TIMED("1s", 4, readAt("1")));
  assert.equal(stale.status, 409);
  assert.equal(stale.body.merges.length, 1);
  const wrong = await plane.apply<Problem>(TIMED("1s", 4, readAt("yesterday")));
  assert.equal(wrong.status, 422);
  assert.match(wrong.body.detail, /expected the revision/);
});
