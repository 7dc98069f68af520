import assert from "node:assert/strict";
import { test } from "node:test";
import { checkClaims, checkClaimTypes } from "./check-claims.ts";
import { chooseRefusal, REFUSAL, type Refusal } from "./refusal.ts";
import { findClaim, formatClaim, splitClaims, textsOfClaim } from "./token-claims.ts";

const NOW = 1_000_000;
const types: [claims: Record<string, unknown>, refusal: Refusal | undefined][] = [
  [{}, undefined],
  [{ iss: "i", sub: "s", aud: "a", iat: 1, nbf: 1.5, exp: 2 }, undefined],
  [{ aud: ["a", "b"] }, undefined],
  [{ iss: 1 }, REFUSAL.payloadIssuer],
  [{ sub: null }, REFUSAL.payloadSubject],
  [{ aud: 1 }, REFUSAL.payloadAudience],
  [{ aud: ["a", 1] }, REFUSAL.payloadAudience],
  [{ exp: "1" }, REFUSAL.payloadExpiry],
  [{ exp: -1 }, REFUSAL.payloadExpiry],
  [{ nbf: {} }, REFUSAL.payloadNotBefore],
  [{ iat: [] }, REFUSAL.payloadIssuedAt],
];
for (const [claims, refusal] of types) {
  test(`${JSON.stringify(claims)}: ${refusal ?? "a payload"}`, () => {
    assert.equal(checkClaimTypes(claims), refusal);
  });
}

const rules: [claims: Record<string, unknown>, audiences: string[], refusal?: Refusal][] = [
  [{ iss: "i" }, []],
  [{}, [], REFUSAL.unknownIssuer],
  [{ iss: "I" }, [], REFUSAL.unknownIssuer],
  [{ iss: "i", exp: NOW - 60 }, []],
  [{ iss: "i", exp: NOW - 61 }, [], REFUSAL.expired],
  [{ iss: "i", exp: 0 }, [], REFUSAL.expired],
  [{ iss: "i", nbf: NOW + 60 }, []],
  [{ iss: "i", nbf: NOW + 61 }, [], REFUSAL.notYetValid],
  [{ iss: "i", aud: "a" }, []],
  [{ iss: "i", aud: "a" }, ["a", "b"]],
  [{ iss: "i", aud: ["c", "b"] }, ["a", "b"]],
  [{ iss: "i", aud: "https://a/" }, ["a"]],
  [{ iss: "i", aud: "a" }, ["http://a"]],
  [{ iss: "i", aud: "ab" }, ["a"], REFUSAL.audience],
  [{ iss: "i" }, ["a"], REFUSAL.audience],
  [{ iss: "x", exp: 1 }, ["a"], REFUSAL.unknownIssuer],
  [{ iss: "i", exp: 1 }, ["a"], REFUSAL.expired],
];
for (const [claims, audiences, refusal] of rules) {
  test(`${JSON.stringify(claims)} for [${audiences.join(", ")}]: ${refusal ?? "taken"}`, () => {
    assert.equal(checkClaims(claims, { issuer: "i", audiences }, NOW), refusal);
  });
}

test("of several refusals the one that says most is told", () => {
  const { missing, unknownIssuer, expired, audience } = REFUSAL;
  assert.equal(chooseRefusal([missing, unknownIssuer, expired, audience]), expired);
  assert.equal(chooseRefusal([missing, unknownIssuer]), unknownIssuer);
  assert.equal(chooseRefusal([missing, missing]), missing);
});

test("scope, permission and claims that are named so are taken apart at their blanks", () => {
  const claims = splitClaims({ scope: "a  b", permission: "c", roles: "d e", name: "f g" }, [
    "roles",
  ]);
  assert.deepEqual(
    { ...claims },
    { scope: ["a", "b"], permission: ["c"], roles: ["d", "e"], name: "f g" },
  );
});

test("a claim is found inside claims, and never outside of what the token says", () => {
  const claims = { a: { b: ["x", 1, "y"] }, s: "t" };
  assert.deepEqual(textsOfClaim(claims, ["a", "b"]), ["x", "y"]);
  assert.deepEqual(textsOfClaim(claims, ["s"]), ["t"]);
  for (const path of [["s", "length"], ["a", "b", "0"], ["constructor"], ["a", "toString"]]) {
    assert.equal(findClaim(claims, path), undefined, path.join());
  }
});

test("a claim is said in a header if it is a text, a number or a truth value", () => {
  const said = ["x", 7, 1.5, true, "", null, {}, ["a"], undefined].map(formatClaim);
  const no = undefined;
  assert.deepEqual(said, ["x", "7", "1.5", "true", no, no, no, no, no]);
});
