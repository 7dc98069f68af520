import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readServingStatus, writeHealthRequest } from "./grpc-health.ts";

test("asks of the whole server with an empty message, of a service by its name", () => {
  assert.equal(writeHealthRequest("").toString("hex"), "0000000000");
  assert.equal(writeHealthRequest("ab").toString("hex"), "00000000040a026162");
  const long = writeHealthRequest("x".repeat(200));
  assert.equal(long.subarray(5, 8).toString("hex"), "0ac801");
});

test("reads the status of a response, and UNKNOWN from one that says nothing", () => {
  assert.equal(readServingStatus(Buffer.from("00000000020801", "hex")), "SERVING");
  assert.equal(readServingStatus(Buffer.from("00000000020802", "hex")), "NOT_SERVING");
  assert.equal(readServingStatus(Buffer.from("0000000000", "hex")), "UNKNOWN");
});

test("meets any bytes with a status", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      readServingStatus(Buffer.from(bytes));
    }),
  );
});
