import assert from "node:assert/strict";
import { test } from "node:test";
import { bearerToken, signToken, verifyToken } from "./auth-token.ts";

const secret = "a".repeat(32);
const ada = { name: "ada", role: "operator" } as const;

test("a signed token names its bearer and role", async () => {
  const token = await signToken(secret, "session", ada, 60, Date.now());
  const principal = await verifyToken(secret, ["session", "api"], token);
  assert.equal(principal?.name, "ada");
  assert.equal(principal?.role, "operator");
});

const refused: Record<string, () => Promise<string>> = {
  "signed with another secret": () => signToken("b".repeat(32), "session", ada, 60, Date.now()),
  expired: () => signToken(secret, "session", ada, 60, Date.now() - 120_000),
  "of another kind": () => signToken(secret, "login", ada, 60, Date.now()),
  altered: async () => `${await signToken(secret, "session", ada, 60, Date.now())}x`,
  "not a token": async () => "nonsense",
};
for (const [what, make] of Object.entries(refused)) {
  test(`a token is refused when it is ${what}`, async () => {
    assert.equal(await verifyToken(secret, ["session"], await make()), undefined);
  });
}

test("the bearer token is read from the Authorization header only in its own shape", () => {
  assert.equal(bearerToken("Bearer abc.def"), "abc.def");
  assert.equal(bearerToken("bearer abc"), "abc");
  assert.equal(bearerToken("Basic abc"), undefined);
  assert.equal(bearerToken("Bearer a b"), undefined);
  assert.equal(bearerToken(undefined), undefined);
});
