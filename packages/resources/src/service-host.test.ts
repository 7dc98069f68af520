import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServiceHost } from "./service-host.ts";

const hosts: Record<string, string | undefined> = {
  reviews: "shop/reviews",
  "Reviews:8080": "shop/reviews",
  "reviews.bank": "bank/reviews",
  "reviews.bank.svc": "bank/reviews",
  "reviews.bank.svc.cluster.local": "bank/reviews",
  "reviews.bank.svc.cluster.local.": "bank/reviews",
  "reviews.bank.svc.cluster.local:9080": "bank/reviews",
  "api.example.com": undefined,
  "127.0.0.1": undefined,
  "*.shop.svc": undefined,
  "": undefined,
  "-x": undefined,
};
for (const [host, service] of Object.entries(hosts)) {
  test(`from shop, ${JSON.stringify(host)} means ${service ?? "nothing of the mesh"}`, () => {
    const found = parseServiceHost(host, "shop");
    assert.equal(found && `${found.namespace}/${found.name}`, service);
  });
}
