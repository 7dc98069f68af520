import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatId } from "../identity/workload-id.ts";
import { hostWithoutPort, serviceFqdn, serviceOfHost } from "./service-host.ts";

const cases: Record<string, string | undefined> = {
  reviews: "shop/reviews",
  "reviews:9080": "shop/reviews",
  Reviews: "shop/reviews",
  "ratings.bank": "bank/ratings",
  "ratings.bank.svc": "bank/ratings",
  "ratings.bank.svc.cluster.local": "bank/ratings",
  "ratings.bank.svc.cluster.local.:80": "bank/ratings",
  "www.example.com": undefined,
  "ratings.bank.svc.example": undefined,
  "10.0.0.7": undefined,
  "10.0.0.7:80": undefined,
  "[::1]:80": undefined,
  "": undefined,
  "a..b": undefined,
};
for (const [host, service] of Object.entries(cases)) {
  test(`in shop, "${host}" means ${service ?? "no service"}`, () => {
    const found = serviceOfHost(host, "shop");
    assert.equal(found && formatId(found), service);
  });
}

test("an IPv6 address keeps its brackets and loses its port", () => {
  assert.equal(hostWithoutPort("[FE80::1]:80"), "[fe80::1]");
});

test("a service's full name means it from every namespace", () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  fc.assert(
    fc.property(label, label, label, (namespace, name, from) => {
      assert.deepEqual(serviceOfHost(serviceFqdn({ namespace, name }), from), { namespace, name });
    }),
  );
});
