import assert from "node:assert/strict";
import { test } from "node:test";
import { clientAddress } from "./client-address.ts";

test("believes nobody but the connection when no proxy is trusted", () => {
  assert.equal(clientAddress("10.0.0.9", "1.2.3.4", 0), "10.0.0.9");
  assert.equal(clientAddress("::ffff:10.0.0.9", "", 0), "10.0.0.9");
});

test("takes the address that the outermost trusted proxy saw, not what the client wrote before it", () => {
  assert.equal(clientAddress("10.0.0.9", "6.6.6.6, 1.2.3.4", 1), "1.2.3.4");
  assert.equal(clientAddress("10.0.0.9", "6.6.6.6, 1.2.3.4, 10.0.0.8", 2), "1.2.3.4");
  assert.equal(clientAddress("10.0.0.9", "2001:db8::1", 1), "2001:db8::1");
});

test("falls back to the connection when the header says less than it must", () => {
  for (const forwarded of ["", "unknown", "1.2.3.4"]) {
    assert.equal(clientAddress("10.0.0.9", forwarded, 2), "10.0.0.9", forwarded);
  }
});
