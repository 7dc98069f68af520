import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  ApplyResponse,
  AuditResponse,
  Problem,
  ReviewDetail,
  ReviewsResponse,
} from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane, tokenFor } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";

const START = documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 90, v2: 10 }));
const DRAFT = split("reviews", { v1: 50, v2: 50 });

/** A mesh at revision 1, and a review that ada, an operator, has asked for. */
async function askedFor(plane: RunningControlPlane): Promise<ReviewDetail> {
  await plane.apply(START);
  const { status, body } = await plane.callAs<ReviewDetail>("operator", "POST", "/reviews", {
    yaml: DRAFT,
    note: "half for v2?",
  });
  assert.equal(status, 200);
  return body;
}

/** Another operator than ada. */
async function askAsBob<Body>(plane: RunningControlPlane, path: string, body: object) {
  const response = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await tokenFor("api", "operator", "bob")}`,
    },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Body;
}

test("a review is asked for, discussed, approved by another person and applied, which ends it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { id, changes, author, documents: named } = await askedFor(plane);
  assert.equal(author, "ada");
  assert.deepEqual(
    named.map(({ name, baseRevision }) => [name, baseRevision]),
    [["reviews", 1]],
  );
  assert.match(changes[0]?.diff ?? "", /-.*weight: 90.*\n\+.*weight: 50/);

  const own = await plane.callAs("operator", "POST", `/reviews/${id}/approve`, {});
  assert.equal(own.status, 409);
  assert.match(own.body.detail, /another person/);
  await askAsBob(plane, `/reviews/${id}/comments`, { text: "why so fast?" });
  const approved = await askAsBob<ReviewDetail>(plane, `/reviews/${id}/approve`, { text: "fine" });
  assert.deepEqual(approved.approvedBy, ["bob"]);
  assert.deepEqual(
    approved.acts.map(({ kind, author: who, text }) => [kind, who, text]),
    [
      ["comment", "bob", "why so fast?"],
      ["approved", "bob", "fine"],
    ],
  );

  const { body: applied } = await plane.callAs<ApplyResponse>("operator", "POST", "/apply", {
    yaml: DRAFT,
    review: id,
  });
  const { body: after } = await plane.call<ReviewDetail>("GET", `/reviews/${id}`);
  assert.deepEqual(
    [after.state, after.ended?.by, after.ended?.revision],
    ["applied", "ada", applied.revision],
  );
  const again = await plane.call("POST", "/apply", { yaml: START, review: id });
  assert.equal(again.status, 409);
  assert.match(again.body.detail, /applied as revision 2 by ada/);

  const { body: open } = await plane.call<ReviewsResponse>("GET", "/reviews?state=open");
  assert.deepEqual(open.reviews, []);
  const { body: audit } = await plane.call<AuditResponse>("GET", "/audit");
  assert.deepEqual(
    audit.entries
      .filter(({ act, result }) => act.startsWith("review.") && result === "ok")
      .map(({ act, target }) => `${act} ${target}`)
      .sort(),
    ["approve", "ask", "comment"].map((act) => `review.${act} VirtualService shop/reviews`),
  );
});

test("a review whose document has moved on says what both come to, and is applied only on top of it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { id, documents: named } = await askedFor(plane);
  await plane.apply(split("reviews", { v1: 80, v2: 20 }));
  const { body } = await plane.call<ReviewDetail>("GET", `/reviews/${id}`);
  assert.equal(body.merges[0]?.theirsRevision, 2);
  assert.notEqual(body.merges[0]?.conflicts.length, 0);
  const expected = named.map(({ baseRevision, ...ref }) => ({ ...ref, revision: baseRevision }));
  const stale = await plane.call("POST", "/apply", { yaml: DRAFT, review: id, expected });
  assert.deepEqual([stale.status, stale.body.code], [409, "HEDDLE_REVISION_CONFLICT"]);

  const changed = await plane.callAs<ReviewDetail>("operator", "PUT", `/reviews/${id}`, {
    yaml: split("reviews", { v1: 40, v2: 60 }),
    note: "on top of revision 2",
  });
  assert.deepEqual([changed.body.merges, changed.body.documents[0]?.baseRevision], [[], 2]);
});

test("an approval is of the text as it was: a change asks for it anew", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { id } = await askedFor(plane);
  const approved = await askAsBob<ReviewDetail>(plane, `/reviews/${id}/approve`, {});
  assert.deepEqual(approved.approvedBy, ["bob"]);
  const yaml = split("reviews", { v1: 40, v2: 60 });
  const { body } = await plane.callAs<ReviewDetail>("operator", "PUT", `/reviews/${id}`, { yaml });
  assert.deepEqual(body.approvedBy, []);
  const unseen = await askAsBob<Problem>(plane, `/reviews/${id}/approve`, { seenChanges: 0 });
  assert.match(unseen.detail, /changed since you read it/);
  const seen = await askAsBob<ReviewDetail>(plane, `/reviews/${id}/approve`, { seenChanges: 1 });
  assert.deepEqual(seen.approvedBy, ["bob"]);
});

test("who may only look reads reviews and does nothing to them; what cannot be read is not taken", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { id } = await askedFor(plane);
  for (const [path, body] of [
    ["/reviews", { yaml: DRAFT }],
    [`/reviews/${id}/approve`, {}],
    [`/reviews/${id}/comments`, { text: "me, too" }],
    [`/reviews/${id}/withdraw`, {}],
  ] as const) {
    assert.equal((await plane.callAs("viewer", "POST", path, body)).status, 403, path);
  }
  assert.equal((await plane.callAs("viewer", "GET", `/reviews/${id}`)).status, 200);
  const faulty = await plane.callAs("operator", "POST", "/reviews", {
    yaml: DRAFT.replace("weight: 50", "weight: many"),
  });
  assert.deepEqual([faulty.status, faulty.body.code], [422, "HEDDLE_BAD_DOCUMENT"]);
  const none = await plane.callAs("operator", "POST", "/reviews", { yaml: "" });
  assert.match(none.body.detail, /1 to 50 documents/);
});

test("a withdrawn review is over", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { id } = await askedFor(plane);
  const { body } = await plane.callAs<ReviewDetail>("operator", "POST", `/reviews/${id}/withdraw`);
  assert.equal(body.state, "withdrawn");
  const late = await plane.call("POST", `/reviews/${id}/comments`, { text: "wait" });
  assert.match(late.body.detail, /was withdrawn by ada/);
});

test("a review is not ended by applying another document", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { id } = await askedFor(plane);
  const other = await plane.call("POST", "/apply", {
    yaml: documents(subsets("ratings", "v1")),
    review: id,
  });
  assert.match(other.body.detail, /is of VirtualService shop\/reviews, too/);
});
