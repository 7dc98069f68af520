import assert from "node:assert/strict";
import { test } from "node:test";
import { templatePath } from "./path-template.ts";

const TABLE: Readonly<Record<string, string>> = {
  "/": "/",
  "/health": "/health",
  "/api/v1/orders": "/api/v1/orders",
  "/orders/4711": "/orders/{*}",
  "/orders/order-4711/lines/2": "/orders/{*}/lines/{*}",
  "/users/1b4e28ba-2fa1-11d2-883f-0016d3cca427": "/users/{*}",
  "/blobs/9f86d081884c7d65": "/blobs/{*}",
  "/people/jon@example.org": "/people/{*}",
  "/events/01ARZ3NDEKTSV4RRFFQ69G5FAV": "/events/{*}",
  "/odd/{x}/*": "/odd/{*}/{*}",
  "/shop.Quotes/Get": "/shop.Quotes/Get",
  "/decade/facade": "/decade/facade",
};
for (const [path, template] of Object.entries(TABLE)) {
  test(`${path} is ${template}`, () => assert.equal(templatePath(path), template));
}
