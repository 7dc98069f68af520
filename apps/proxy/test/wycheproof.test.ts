// Test vectors for JSON Web Signatures and Keys, from C2SP/wycheproof. They lie outside the project: in
// $HEDDLE_CORPORA or ../shared/corpora, and without them nothing runs.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { JwtRule } from "@heddle/mesh";
import { importJWK, type JWK, SignJWT } from "jose";
import { z } from "zod";
import { readKeySet } from "../src/tokens/key-set.ts";
import { verifySignature } from "../src/tokens/verify-signature.ts";
import { app, hosted, inbound, MemoryRecorder, send } from "./data-path-kit.ts";
import { obey } from "./support/policies.ts";

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

function skipOf(name: string): string | false {
  const file = join(folder, name);
  return existsSync(file) ? false : `no ${file}; set HEDDLE_CORPORA`;
}

function readVectors(name: string): z.infer<typeof Vectors> {
  return Vectors.parse(JSON.parse(readFileSync(join(folder, name), "utf8")));
}

for (const [name, count] of [
  ["json_web_signature_test.json", 401],
  ["json_web_key_test.json", 26],
] as const) {
  test(`every vector of ${name} is answered rightly`, { skip: skipOf(name) }, async () => {
    const vectors = readVectors(name);
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
        const what = `${group.comment} ${tcId} ${comment}: ${refusal ?? "taken"} ${keys.problems.join(", ")}`;
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

test("over real sockets no invalid vector passes, and what the vectors' own keys sign does", {
  skip: skipOf("json_web_signature_test.json"),
}, async (t) => {
  let served = 0;
  const reviews = await app(t, (_request, response) => {
    served++;
    response.end("ok");
  });
  const workload = await hosted("reviews", { appPort: reviews.port });
  const { port } = await inbound(t, workload, new MemoryRecorder());
  const ask = (token: string) => send(port, { headers: { authorization: `Bearer ${token}` } });
  const { testGroups } = readVectors("json_web_signature_test.json");
  let signed = 0;
  for (const group of testGroups) {
    const own = group.private ?? {};
    const jwks = JSON.stringify({ keys: [group.public ?? own] });
    const rule: JwtRule = {
      ...{ issuer: "i", audiences: [], jwks, fromHeaders: [], fromParams: [], fromCookies: [] },
      ...{ forwardsToken: false, claimHeaders: [], spaceDelimitedClaims: [], isRequired: true },
    };
    obey(workload, { requestAuthentication: [{ namespace: "shop", name: "a", rules: [rule] }] });
    // What is no header value never reaches a token's verification.
    const sendable = group.tests.filter(({ jws }) =>
      /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(jws),
    );
    for (const { tcId, jws, result } of sendable) {
      // A vector's payload is no claims, so not even a valid one is a token.
      assert.equal((await ask(jws)).status, 401, `${group.comment} ${tcId} (${result})`);
    }
    if (own["use"] === "enc" || own["key_ops"] !== undefined) continue;
    const alg = own["alg"] === "ES521" ? "ES512" : String(own["alg"]);
    const key = await importJWK({ ...(own as JWK), alg }, alg);
    const kid = String(own["kid"]);
    const token = await new SignJWT({ iss: "i" }).setProtectedHeader({ alg, kid }).sign(key);
    assert.equal((await ask(token)).status, 200, `${group.comment} signs by ${alg}`);
    signed++;
  }
  assert.ok(signed >= 10, `${signed} keys have signed`);
  assert.equal(served, signed);
});
