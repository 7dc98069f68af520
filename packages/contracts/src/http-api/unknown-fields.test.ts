import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { unknownFields } from "./unknown-fields.ts";

const Shape = z.object({
  name: z.string(),
  grants: z.array(z.object({ role: z.string() })).optional(),
  labels: z.record(z.string(), z.string()).optional(),
});
const fault = (input: unknown) => unknownFields(input, Shape.parse(input));

test("a field the schema does not know is named by where it stands, however deep", () => {
  const input = { name: "a", colour: 1, grants: [{ role: "x" }, { role: "y", until: 3 }] };
  assert.deepEqual(fault(input), ["colour", "grants.1.until"]);
  assert.deepEqual(fault({ name: "a", labels: { any: "thing" } }), []);
});

test("what a transform has made into something else is not held against it", () => {
  const Parsed = z.object({ list: z.string().transform((text) => ({ text })) });
  const input = { list: "a,b" };
  assert.deepEqual(unknownFields(input, Parsed.parse(input)), []);
});

test("what a schema keeps whole has no unknown fields", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      (value) => unknownFields(value, structuredClone(value)).length === 0,
    ),
  );
});
