import assert from "node:assert/strict";
import { test } from "node:test";
import { type NamedHost, readHost } from "./named-host.ts";

const cases: Record<string, NamedHost> = {
  reviews: { name: "reviews", port: undefined, isMeshOnly: true },
  "Reviews:9080": { name: "reviews", port: 9080, isMeshOnly: true },
  "reviews.shop": { name: "reviews.shop", port: undefined, isMeshOnly: false },
  "reviews.shop.svc:80": { name: "reviews.shop.svc", port: 80, isMeshOnly: true },
  "reviews.shop.svc.cluster.local": {
    name: "reviews.shop.svc.cluster.local",
    port: undefined,
    isMeshOnly: true,
  },
  "api.example.com.:443": { name: "api.example.com", port: 443, isMeshOnly: false },
  "localhost:3000": { name: "localhost", port: 3000, isMeshOnly: false },
  "10.0.0.1:8080": { name: "10.0.0.1", port: 8080, isMeshOnly: false },
  "[::1]:8080": { name: "[::1]", port: 8080, isMeshOnly: false },
  "[::1]": { name: "[::1]", port: undefined, isMeshOnly: false },
  "reviews:http": { name: "reviews", port: undefined, isMeshOnly: true },
  "reviews:0": { name: "reviews", port: undefined, isMeshOnly: true },
  "reviews:70000": { name: "reviews", port: undefined, isMeshOnly: true },
};

for (const [authority, expected] of Object.entries(cases)) {
  const where = expected.isMeshOnly ? "in the mesh alone" : "perhaps outside";
  test(`"${authority}" is ${expected.name}, port ${expected.port ?? "not named"}, ${where}`, () => {
    assert.deepEqual(readHost(authority), expected);
  });
}
