import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileCidr, InvalidCidrError } from "./cidr.ts";

const cases: [block: string, address: string, isInside: boolean][] = [
  ["10.0.0.0/8", "10.255.1.2", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.1.2.3/16", "10.1.9.9", true],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "10.1.2.4", false],
  ["0.0.0.0/0", "192.0.2.1", true],
  ["0.0.0.0/0", "::1", false],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["fd00::/8", "fd12::1", true],
  ["fd00::/8", "fe80::1", false],
  ["::1", "::1", true],
  ["10.0.0.0/8", "reviews", false],
  ["10.0.0.0/8", "", false],
  ["10.0.0.0/8", "10.1", false],
];
for (const [block, address, isInside] of cases) {
  test(`"${address}" lies ${isInside ? "inside" : "outside"} ${block}`, () => {
    assert.equal(compileCidr(block).contains(address), isInside);
  });
}

for (const block of ["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/", "a/8", "1/2/3"]) {
  test(`"${block}" is refused as an IP block`, () => {
    assert.throws(() => compileCidr(block), InvalidCidrError);
  });
}

test("an address lies in a block when their first bits are equal", () => {
  const octet = fc.nat(255);
  const address = fc.tuple(octet, octet, octet, octet);
  const bits = (octets: readonly number[]) =>
    octets.map((one) => one.toString(2).padStart(8, "0")).join("");
  fc.assert(
    fc.property(address, address, fc.nat(32), (network, other, length) => {
      const mixed = network.map((one, index) => (index < length / 8 ? one : (other[index] ?? 0)));
      const expected = bits(network).slice(0, length) === bits(mixed).slice(0, length);
      const cidr = compileCidr(`${network.join(".")}/${length}`);
      assert.equal(cidr.contains(mixed.join(".")), expected);
    }),
  );
});
