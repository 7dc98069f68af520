import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAuthority } from "./authority.ts";

const cases: Record<string, { host: string; port: number } | undefined> = {
  "example.com": { host: "example.com", port: 80 },
  "Example.com:": { host: "example.com", port: 80 },
  "example.com:8443": { host: "example.com", port: 8443 },
  "[::1]:8443": { host: "::1", port: 8443 },
  "[::1]": { host: "::1", port: 80 },
  "example.com:0": undefined,
  "example.com:65536": undefined,
  "example.com:1e3x": undefined,
  ":80": undefined,
  "": undefined,
};

for (const [authority, expected] of Object.entries(cases)) {
  test(`"${authority}" means ${expected ? `${expected.host} port ${expected.port}` : "nothing"}`, () => {
    assert.deepEqual(parseAuthority(authority, 80), expected);
  });
}
