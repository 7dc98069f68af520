import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCors, decideCors } from "./cors.ts";
import type { CorsPolicy } from "./cors-policy.ts";

const policy: CorsPolicy = {
  allowOrigins: [
    { kind: "exact", value: "https://a.example" },
    { kind: "prefix", value: "https://b." },
    { kind: "regex", value: "https://c[0-9]+\\.example" },
  ],
  allowMethods: ["GET", "POST"],
  allowHeaders: ["x-a"],
  exposeHeaders: ["x-b", "x-c"],
  maxAgeSeconds: 60,
  allowCredentials: true,
  unmatchedPreflights: "FORWARD",
};
const cors = compileCors(policy);

test("a preflight of an allowed origin is answered", () => {
  assert.deepEqual(decideCors(cors, "OPTIONS", "https://a.example", "POST"), {
    kind: "answer",
    fields: [
      ["access-control-allow-origin", "https://a.example"],
      ["access-control-allow-credentials", "true"],
      ["access-control-allow-methods", "GET,POST"],
      ["access-control-allow-headers", "x-a"],
      ["access-control-max-age", "60"],
    ],
  });
});

test("another request of an allowed origin gets the fields on its answer", () => {
  const expected = {
    kind: "set",
    fields: [
      ["access-control-allow-origin", "https://c12.example"],
      ["access-control-allow-credentials", "true"],
      ["access-control-expose-headers", "x-b,x-c"],
    ],
  };
  assert.deepEqual(decideCors(cors, "GET", "https://c12.example", undefined), expected);
  assert.deepEqual(decideCors(cors, "OPTIONS", "https://c12.example", undefined), expected);
});

test("a request without origin is not CORS's business", () => {
  assert.deepEqual(decideCors(cors, "OPTIONS", undefined, "GET"), { kind: "pass" });
  assert.deepEqual(decideCors(cors, "GET", "", undefined), { kind: "pass" });
});

test("a preflight of another origin goes to the service by default (1.3)", () => {
  assert.deepEqual(decideCors(cors, "OPTIONS", "https://evil.example", "GET"), { kind: "pass" });
});

test("with IGNORE such a preflight is answered without any CORS field", () => {
  const strict = compileCors({ ...policy, unmatchedPreflights: "IGNORE" });
  const decision = decideCors(strict, "OPTIONS", "https://evil.example", "GET");
  assert.deepEqual(decision, { kind: "answer", fields: [] });
  assert.deepEqual(decideCors(strict, "GET", "https://evil.example", undefined), { kind: "pass" });
});

test("an exact * allows every origin", () => {
  const open = compileCors({ ...policy, allowOrigins: [{ kind: "exact", value: "*" }] });
  assert.equal(decideCors(open, "GET", "https://any.example", undefined).kind, "set");
});
