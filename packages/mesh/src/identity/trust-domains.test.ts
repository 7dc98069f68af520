import assert from "node:assert/strict";
import { test } from "node:test";
import { expandPrincipals, isSameIdentity, speakerOf, trustDomainOf } from "./trust-domains.ts";

const domains = { own: "new.example", aliases: ["old.example"], others: ["partner.example"] };

test("the own roots speak for the own domain and its aliases, each other domain's for itself", () => {
  assert.equal(speakerOf("new.example", domains), "new.example");
  assert.equal(speakerOf("old.example", domains), "new.example");
  assert.equal(speakerOf("partner.example", domains), "partner.example");
  assert.equal(speakerOf("stranger.example", domains), undefined);
});

test("a trust domain is read from any SPIFFE id, and from nothing else", () => {
  assert.equal(trustDomainOf("spiffe://a.example/ns/shop/sa/front"), "a.example");
  assert.equal(trustDomainOf("spiffe://a.example/heddle/proxy/1"), "a.example");
  assert.equal(trustDomainOf("https://a.example/ns"), undefined);
  assert.equal(trustDomainOf("spiffe:///ns/shop/sa/front"), undefined);
});

const same: Record<string, readonly [shown: string, expected: string, isSame: boolean]> = {
  "the same text": ["spiffe://x/ns/a/sa/b", "spiffe://x/ns/a/sa/b", true],
  "an alias's form of the own": [
    "spiffe://old.example/ns/a/sa/b",
    "spiffe://new.example/ns/a/sa/b",
    true,
  ],
  "another workload of an alias": [
    "spiffe://old.example/ns/a/sa/c",
    "spiffe://new.example/ns/a/sa/b",
    false,
  ],
  "another domain's workload of the same name": [
    "spiffe://partner.example/ns/a/sa/b",
    "spiffe://new.example/ns/a/sa/b",
    false,
  ],
};
for (const [title, [shown, expected, isSame]] of Object.entries(same)) {
  test(`${title} ${isSame ? "is" : "is not"} the same identity`, () => {
    assert.equal(isSameIdentity(shown, expected, domains), isSame);
  });
}

test("principals of the own domain hold for its aliases too, and the other way round", () => {
  const both = ["new.example/ns/a/sa/b", "old.example/ns/a/sa/b"];
  assert.deepEqual(expandPrincipals(["new.example/ns/a/sa/b"], domains), both);
  assert.deepEqual(expandPrincipals(["old.example/ns/a/sa/b"], domains), both);
  assert.deepEqual(expandPrincipals(["cluster.local/ns/a/sa/b"], domains), both);
  const untouched = ["partner.example/ns/a/sa/b", "*", "*/sa/b", "new.exam*"];
  assert.deepEqual(expandPrincipals(untouched, domains), untouched);
});
