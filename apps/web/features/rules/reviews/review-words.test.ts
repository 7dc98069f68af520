import assert from "node:assert/strict";
import { test } from "node:test";
import { approvalWords, reviewSubject, whyNotApprove } from "./review-words.ts";

const document = (name: string) =>
  ({ kind: "VirtualService", namespace: "shop", name, baseRevision: 3 }) as const;

test("a review is called by its first document and the count of the others", () => {
  assert.equal(reviewSubject({ documents: [document("reviews")] }), "VirtualService reviews");
  assert.equal(
    reviewSubject({ documents: [document("reviews"), document("ratings"), document("cart")] }),
    "VirtualService reviews and 2 more",
  );
});

test("who has approved is named, as is that nobody has", () => {
  assert.equal(approvalWords({ approvedBy: [] }), "not approved yet");
  assert.equal(approvalWords({ approvedBy: ["bob"] }), "approved by bob");
  assert.equal(
    approvalWords({ approvedBy: ["bob", "eve", "jon"] }),
    "approved by bob, eve and jon",
  );
});

test("nobody approves what he asked for, twice, or what he has changed before him", () => {
  const review = { author: "ada", approvedBy: ["bob"] };
  assert.match(whyNotApprove(review, "ada", false) ?? "", /another person/);
  assert.match(whyNotApprove(review, "bob", false) ?? "", /have approved/);
  assert.match(whyNotApprove(review, "eve", true) ?? "", /changed it here/);
  assert.equal(whyNotApprove(review, "eve", false), undefined);
});
