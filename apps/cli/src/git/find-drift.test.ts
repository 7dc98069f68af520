import assert from "node:assert/strict";
import { test } from "node:test";
import { newerSide } from "./find-drift.ts";

const byHand = { commit: "a", revision: undefined };
const exported = (revision: number) => ({ commit: "b", revision });

const cases = {
  "changed in the mesh since the export": [[exported(3)], 5, "mesh"],
  "deleted in the mesh since the export": [[exported(3)], undefined, "mesh"],
  "changed in git since the export": [[byHand, exported(3)], 3, "git"],
  "changed on both sides since the export": [[byHand, exported(3)], 4, "both"],
  "only ever in the mesh": [[], 4, "mesh"],
  "only ever in git": [[byHand], undefined, "git"],
  "on both sides, never exported": [[byHand], 4, "unknown"],
} as const;
for (const [what, [touches, revision, newer]] of Object.entries(cases)) {
  test(`${what}: ${newer}`, () => assert.equal(newerSide(touches, revision), newer));
}
