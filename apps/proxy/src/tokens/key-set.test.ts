import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { readKeySet } from "./key-set.ts";

type Jwk = Readonly<Record<string, unknown>>;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const small = generateKeyPairSync("rsa", { modulusLength: 1_024 });
const edwards = generateKeyPairSync("ed25519");
const jwkOf = ({ publicKey }: Pick<typeof ec, "publicKey">) =>
  publicKey.export({ format: "jwk" }) as Jwk;
const secretOf = (bytes: number): Jwk => ({
  kty: "oct",
  k: randomBytes(bytes).toString("base64url"),
});

function read(...keys: readonly Jwk[]) {
  return readKeySet(JSON.stringify({ keys }));
}

const algorithms: [title: string, jwk: Jwk, algorithms: string[]][] = [
  ["P-256", jwkOf(ec), ["ES256"]],
  ["RSA", jwkOf(rsa), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]],
  ["RSA for RS256", { ...jwkOf(rsa), alg: "RS256" }, ["RS256", "RS384", "RS512"]],
  ["RSA for PS512", { ...jwkOf(rsa), alg: "PS512" }, ["PS512"]],
  ["Ed25519", jwkOf(edwards), ["EdDSA", "Ed25519"]],
  ["a secret of 64 bytes", secretOf(64), ["HS256", "HS384", "HS512"]],
  ["a secret of 48 bytes", secretOf(48), ["HS256", "HS384"]],
  ["a secret for HS512", { ...secretOf(64), alg: "HS512" }, ["HS512"]],
  ["a private key, by its public part", ec.privateKey.export({ format: "jwk" }) as Jwk, ["ES256"]],
];
for (const [title, jwk, wanted] of algorithms) {
  test(`${title} verifies by ${wanted.join(", ")}`, () => {
    const { keys, problems } = read(jwk);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      keys.map((key) => [key.algorithms, key.key.type]),
      [[wanted, jwk["kty"] === "oct" ? "secret" : "public"]],
    );
  });
}

const left: [title: string, jwk: Jwk, problem: RegExp][] = [
  ["RSA of 1024 bits", jwkOf(small), /keys\[0\]: an RSA key of 1024 bits/],
  ["RSA with the exponent 1", { ...jwkOf(rsa), e: "AQ" }, /exponent 1/],
  ["a key to encrypt with", { ...jwkOf(ec), use: "enc" }, /its use is "enc"/],
  ["a key to sign with alone", { ...jwkOf(ec), key_ops: ["sign"] }, /do not include verify/],
  ["a curve nobody knows", { ...jwkOf(ec), crv: "P-1" }, /no known algorithm/],
  ["an algorithm of another curve", { ...jwkOf(ec), alg: "ES384" }, /no known algorithm/],
  ["none", { ...jwkOf(ec), alg: "none" }, /no known algorithm/],
  ["HMAC by a public key", { ...jwkOf(ec), alg: "HS256" }, /no known algorithm/],
  ["a point beside the curve", { ...jwkOf(ec), x: jwkOf(ec)["y"] }, /its parts are no key/],
  ["a secret of 31 bytes", secretOf(31), /31 bytes is too short/],
];
for (const [title, jwk, problem] of left) {
  test(`${title} is left out, and the others are used`, () => {
    const { keys, problems } = read(jwk);
    assert.deepEqual(keys, []);
    assert.match(problems.join("\n"), problem);
    if (jwk["kty"] === "oct") return;
    assert.equal(read(jwk, jwkOf(ec)).keys.length, 1);
  });
}

test("secrets and public keys in one set void it", () => {
  const { keys, problems } = read(jwkOf(ec), secretOf(64));
  assert.deepEqual(keys, []);
  assert.match(problems.join(), /none of it is used/);
});

test("a name that two keys for one algorithm share names neither; of different kinds it names both", () => {
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const named = (jwk: Jwk) => ({ ...jwk, kid: "a" });
  const { keys, problems } = read(named(jwkOf(ec)), named(jwkOf(other)), jwkOf(rsa));
  assert.deepEqual(
    keys.map(({ kid }) => kid),
    [undefined],
  );
  assert.match(problems.join(), /several keys of one kind are called "a"/);
  assert.equal(read(named(jwkOf(ec)), named(jwkOf(rsa))).keys.length, 2);
});

test("what a problem says holds nothing of the keys", () => {
  const secret = secretOf(20);
  const { problems } = read(secret, { ...jwkOf(ec), y: String(secret["k"]) });
  assert.ok(problems.length > 0);
  assert.ok(!problems.join().includes(String(secret["k"])));
});

test("any text is read as a set, be it one of no keys", () => {
  const json = fc.json({ maxDepth: 3 });
  const nearly = fc.record({
    keys: fc.array(
      fc.dictionary(
        fc.constantFrom("kty", "crv", "n", "e", "k", "alg"),
        fc.constantFrom("RSA", "EC", "oct", "P-256", "", "AQAB", "RS256"),
      ),
    ),
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        json,
        nearly.map((set) => JSON.stringify(set)),
      ),
      (text) => {
        assert.ok(Array.isArray(readKeySet(text).keys));
      },
    ),
  );
});
