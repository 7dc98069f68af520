import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseControlPlaneAddresses } from "./control-plane-address.ts";
import { ControlPlanes } from "./control-planes.ts";

const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const ports = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 16 });

test("in as many steps as there are control planes each is tried once, whatever the draw", () => {
  fc.assert(
    fc.property(ports, draw, (all, drawn) => {
      const planes = new ControlPlanes(
        all.map((port) => ({ host: "10.0.0.1", port })),
        () => drawn,
      );
      const tried = all.map(() => {
        const { port } = planes.current;
        planes.next();
        return port;
      });
      assert.deepEqual(new Set(tried), new Set(all));
      assert.equal(planes.current.port, tried[0]);
    }),
  );
});

test("several addresses are separated by commas; the same one twice counts once", () => {
  assert.deepEqual(parseControlPlaneAddresses("a.mesh:15012, [::1]:1,a.mesh:15012"), [
    { host: "a.mesh", port: 15_012 },
    { host: "::1", port: 1 },
  ]);
  for (const text of ["", "a.mesh", "a.mesh:15012,", "a.mesh:15012,b", "a:0"]) {
    assert.equal(parseControlPlaneAddresses(text), undefined, text);
  }
  const many = Array.from({ length: 17 }, (_, index) => `a:${index + 1}`);
  assert.equal(parseControlPlaneAddresses(many.join()), undefined);
});
