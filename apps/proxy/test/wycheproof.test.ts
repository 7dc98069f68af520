// Test vectors for JSON Web Signatures and Keys, from C2SP/wycheproof. They lie outside the project: in
// $HEDDLE_CORPORA or ../shared/corpora, and without them nothing runs.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { readKeySet } from "../src/tokens/key-set.ts";
import { verifySignature } from "../src/tokens/verify-signature.ts";

const projectRoot = join(import.meta.dirname, "../../..");
const corpora = process.env["HEDDLE_CORPORA"] ?? join(projectRoot, "../shared/corpora");
const folder = join(corpora, "wycheproof");

const Key = z.record(z.string(), z.unknown());
const Vectors = z.object({
  numberOfTests: z.number(),
  testGroups: z.array(
    z.object({
      comment: z.string(),
      public: Key.optional(),
      private: Key.optional(),
      tests: z.array(
        z.object({
          tcId: z.number(),
          comment: z.string(),
          jws: z.string(),
          result: z.enum(["valid", "invalid"]),
        }),
      ),
    }),
  ),
});

/**
 * Where the file itself is wrong, and the right answer: two "invalid" ones are letter by letter the valid
 * vector 357, and two "valid" ones hold a `?` within base64url, which RFC 7515 §2 and §5.2 forbid.
 */
const RIGHT_ANSWERS: ReadonlyMap<number, boolean> = new Map([
  [367, true],
  [370, true],
  [372, false],
  [373, false],
]);

for (const [name, count] of [
  ["json_web_signature_test.json", 401],
  ["json_web_key_test.json", 26],
] as const) {
  const file = join(folder, name);
  const skip = existsSync(file) ? false : `no ${file}; set HEDDLE_CORPORA`;
  test(`every vector of ${name} is answered rightly`, { skip }, async () => {
    const vectors = Vectors.parse(JSON.parse(readFileSync(file, "utf8")));
    const isSignatures = name.startsWith("json_web_signature");
    const texts = new Map<number, string>();
    let answered = 0;
    for (const group of vectors.testGroups) {
      // Keys that verify by a secret have no public form.
      const written = group.public ?? group.private ?? {};
      const keys = readKeySet(JSON.stringify("keys" in written ? written : { keys: [written] }));
      for (const { tcId, comment, jws, result } of group.tests) {
        const right = (isSignatures ? RIGHT_ANSWERS.get(tcId) : undefined) ?? result === "valid";
        const refusal = await verifySignature(jws, keys);
        const what = `${group.comment} ${tcId} ${comment}: ${refusal ?? "taken"} ${keys.problems}`;
        assert.equal(refusal === undefined, right, what);
        texts.set(tcId, jws);
        answered++;
      }
    }
    assert.deepEqual([answered, vectors.numberOfTests], [count, count]);
    if (!isSignatures) return;
    for (const wrong of [367, 370]) assert.equal(texts.get(wrong), texts.get(357));
    for (const wrong of [372, 373]) assert.match(texts.get(wrong) ?? "", /\?/);
  });
}
