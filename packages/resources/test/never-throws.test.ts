import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { parseResources, RESOURCE_KINDS } from "../src/index.ts";
import { read, write } from "./documents.ts";
import { GOOD_SPECS } from "./good-specs.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const word = fc.constantFrom(
  ...["", "*", "a", "reviews", "*.shop.svc.cluster.local", "api.example.com", "10.0.0.1", "~/*"],
  ...["1s", "0s", "1.5ms", "%REQ(a)%", "%", "/a", "/{*}", "STRICT", "HTTP", "-1", "unix:///a"],
  ...["__proto__", "constructor", "toString", "(a", "503,reset", "\ud800", "a/b"],
);
const scalar: fc.Arbitrary<Json> = fc.oneof(
  word,
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(0, 1, -1, 0.5, 80, 65_536, 1e300, Number.MAX_SAFE_INTEGER),
  fc.string({ maxLength: 12 }),
);

/** Everywhere a value could be put into a document: the places there are, and one more field in each map. */
function placesOf(value: Json, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]));
  return [path, ...inner, [...path, Array.isArray(value) ? String(value.length) : "extra"]];
}

function put(value: Json, path: readonly string[], at: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return at;
  if (Array.isArray(value)) {
    const copy = [...value];
    copy[Number(step)] = put(copy[Number(step)] ?? null, rest, at);
    return copy;
  }
  if (typeof value !== "object" || value === null) return at;
  return { ...value, [step]: put(value[step] ?? null, rest, at) };
}

const shape = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 2 }),
  fc.dictionary(fc.oneof(word, fc.constantFrom("host", "exact", "value", "mode")), scalar, {
    maxKeys: 2,
  }),
);

for (const kind of RESOURCE_KINDS) {
  const good = parse(write(kind, GOOD_SPECS[kind])) as { spec: Json };
  const places = placesOf(good.spec);
  test(`a ${kind} with anything put in anywhere is read or its faults are named, and what is kept means the same`, () => {
    read(kind, GOOD_SPECS[kind]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(places.length - 1), shape), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (changes, isJson) => {
          const spec = changes.reduce<Json>(
            (value, [place, at]) => put(value, places[place] ?? [], at),
            good.spec,
          );
          const document = { ...good, spec };
          const outcome = parseResources(isJson ? JSON.stringify(document) : stringify(document));
          if (!outcome.ok) {
            assert.ok(outcome.faults.length > 0);
            for (const { field, message } of outcome.faults) assert.ok(field && message);
            return;
          }
          const again = parseResources(outcome.resources[0]?.yaml ?? "");
          assert.ok(again.ok);
          assert.deepEqual(again.resources, outcome.resources);
        },
      ),
      { numRuns: 500 },
    );
  });
}

test("whatever a document is, the parser does not throw", () => {
  const anything = fc.anything({ withBigInt: false, maxDepth: 4 });
  fc.assert(
    fc.property(anything, word, (value, kind) => {
      const texts = [
        JSON.stringify(value) ?? "",
        JSON.stringify({ apiVersion: "v1", kind, ...(value as object) }),
      ];
      for (const text of texts) assert.equal(typeof parseResources(text).ok, "boolean");
    }),
    { numRuns: 300 },
  );
});
