import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { compileAuthentication, REFUSAL } from "@heddle/mesh";
import fc from "fast-check";
import { parseTokenHeader, parseTokenPayload } from "./token-parts.ts";
import { TokenVerifier } from "./token-verifier.ts";

const NOW_MS = 1_000_000_000;
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwks = JSON.stringify({ keys: [pair.publicKey.export({ format: "jwk" })] });

function token(claims: Readonly<Record<string, unknown>> = {}): string {
  const parts = [{ alg: "ES256" }, { iss: "i", exp: NOW_MS / 1_000 + 600, ...claims }];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const key = { key: pair.privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${text.join(".")}.${sign("sha256", Buffer.from(text.join(".")), key).toString("base64url")}`;
}

function verifier(): TokenVerifier {
  const rule = {
    ...{ issuer: "i", audiences: [], jwks, fromHeaders: [], fromParams: [], fromCookies: [] },
    ...{ forwardsToken: false, claimHeaders: [], spaceDelimitedClaims: [], isRequired: false },
  };
  const [compiled] = compileAuthentication([{ namespace: "n", name: "a", rules: [rule] }]).rules;
  assert.ok(compiled);
  return new TokenVerifier(compiled);
}

const isLate = (verdict: unknown) => verdict instanceof Promise;

test("a token that is known is answered at once, its times are checked all the same", async () => {
  const one = verifier();
  const text = token();
  const first = one.verify(text, NOW_MS);
  assert.ok(isLate(first));
  assert.equal(one.verify(text, NOW_MS), first, "one signature for all who ask meanwhile");
  const verified = await first;
  assert.ok(typeof verified !== "string");
  assert.equal(one.verify(text, NOW_MS + 1), verified);
  const short = token({ exp: NOW_MS / 1_000 });
  await one.verify(short, NOW_MS);
  assert.equal(one.verify(short, NOW_MS + 61_000), REFUSAL.expired);
});

test("a known token is verified anew after 5 min", async () => {
  const one = verifier();
  const text = token();
  await one.verify(text, NOW_MS);
  assert.ok(!isLate(one.verify(text, NOW_MS + 299_999)));
  assert.ok(isLate(one.verify(text, NOW_MS + 300_000)));
});

test("what is refused is not remembered as good, and costs no signature where its claims say enough", async () => {
  const one = verifier();
  assert.equal(one.verify(token({ iss: "x" }), NOW_MS), REFUSAL.unknownIssuer);
  const forged = token().replace(/.{4}$/, "AAAA");
  assert.equal(await one.verify(forged, NOW_MS), REFUSAL.verification);
  assert.ok(isLate(one.verify(forged, NOW_MS)));
});

test("a thousand tokens are known, the one used longest ago goes first", async () => {
  const one = verifier();
  const tokens = Array.from({ length: 1_001 }, (_, n) => token({ n }));
  const [first = "", second = "", ...others] = tokens;
  await one.verify(first, NOW_MS);
  await one.verify(second, NOW_MS);
  for (const text of others.slice(0, -1)) await one.verify(text, NOW_MS);
  assert.ok(!isLate(one.verify(first, NOW_MS)), "used again just now");
  await one.verify(others.at(-1) ?? "", NOW_MS);
  assert.ok(!isLate(one.verify(first, NOW_MS)));
  assert.ok(isLate(one.verify(second, NOW_MS)));
});

test("any text is answered with a refusal or the parts of a token", () => {
  const part = fc.oneof(
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    fc.constantFrom("e30", "eyJhbGciOiJFUzI1NiJ9", "", "A", "AB==", "{}"),
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 5 }).map((parts) => parts.join(".")),
  );
  fc.assert(
    fc.property(text, (one) => {
      const header = parseTokenHeader(one);
      if (typeof header === "string") return;
      assert.equal(typeof header.algorithm, "string");
      const payload = parseTokenPayload(one);
      if (typeof payload !== "string") assert.equal(typeof payload.claims, "object");
    }),
    { numRuns: 2_000 },
  );
});
