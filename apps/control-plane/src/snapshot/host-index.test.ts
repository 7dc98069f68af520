import assert from "node:assert/strict";
import { test } from "node:test";
import { formatId } from "@heddle/mesh";
import { compileSnapshot } from "./config-snapshot.ts";
import { document, parseDocuments } from "./test-documents.ts";

const entry = (name: string, namespace: string, hosts: string, more = "resolution: NONE") =>
  document(
    "ServiceEntry",
    name,
    namespace,
    `{hosts: [${hosts}], ports: [{number: 80, name: http, protocol: HTTP}], ${more}}`,
  );

const { hosts } = compileSnapshot(
  1,
  parseDocuments(
    entry("api", "shop", "api.example.com"),
    entry("wild", "shop", '"*.example.com"'),
    entry("wilder", "shop", '"*.deep.example.com"'),
    entry("github", "shop", "github.com"),
    entry("mesh", "shop", "reviews.shop.svc.cluster.local"),
    entry("hidden", "bank", "vault.example.org", 'exportTo: ["."], resolution: NONE'),
    entry("ours", "bank", "api.example.com"),
    entry(
      "net",
      "shop",
      "db.internal",
      'addresses: ["10.1.0.0/16", "192.0.2.7"], resolution: NONE',
    ),
    document(
      "VirtualService",
      "front",
      "shop",
      "{hosts: [www.shop.example], http: [{route: [{destination: {host: reviews}}]}]}",
    ),
  ),
);
const registered = new Set(["shop/cart", "com/github", "com/gitlab", "example/api"]);

function meaning(host: string, namespace = "shop"): string | undefined {
  const service = hosts.resolve(host, namespace, (one) => registered.has(formatId(one)));
  return service && formatId(service);
}

const meanings: Record<string, string | undefined> = {
  "api.example.com": "shop/api.example.com",
  "API.example.com.:8080": "shop/api.example.com",
  "www.example.com": "shop/*.example.com",
  "a.deep.example.com": "shop/*.deep.example.com",
  "example.com": undefined,
  "github.com": "shop/github.com", // though a service of that form is registered
  "gitlab.com": "com/gitlab",
  cart: "shop/cart",
  "cart.shop": "shop/cart",
  "cart.shop.svc.cluster.local": "shop/cart",
  "reviews.shop.svc.cluster.local": "shop/reviews",
  "vault.example.org": undefined, // exported to its own namespace alone
  "10.1.2.3:5432": "shop/db.internal",
  "192.0.2.7": "shop/db.internal",
  "192.0.2.8": undefined,
  "[::1]:80": undefined,
  "www.shop.example": "shop/www.shop.example", // a host by being routed
};
for (const [host, expected] of Object.entries(meanings)) {
  test(`${host} means ${expected ?? "nothing of the mesh"}`, () => {
    assert.equal(meaning(host), expected);
  });
}

test("an entry of the caller's own namespace goes before others' of the same host", () => {
  assert.equal(meaning("api.example.com", "bank"), "bank/api.example.com");
  assert.equal(meaning("api.example.com", "lab"), "shop/api.example.com");
  assert.equal(meaning("vault.example.org", "bank"), "bank/vault.example.org");
});

test("a name for a name means the service at the end, and one that leads back to itself only itself", () => {
  const alias = (name: string, to: string) =>
    document("Service", name, "shop", `{type: ExternalName, externalName: ${to}}`);
  const { hosts: named } = compileSnapshot(
    1,
    parseDocuments(
      alias("critics", "judges.shop.svc"),
      alias("judges", "reviews.shop.svc.cluster.local"),
      alias("a", "b.shop.svc"),
      alias("b", "a.shop.svc"),
      alias("far", "db.example.com"),
      document("Service", "cart", "shop", "{ports: [{port: 80, name: http}]}"),
    ),
  );
  const meant = (host: string) => {
    const service = named.resolve(host, "shop", () => true);
    return service && formatId(service);
  };
  assert.deepEqual(["critics", "judges.shop", "a", "b.shop.svc", "far", "cart"].map(meant), [
    "shop/reviews",
    "shop/reviews",
    "shop/a",
    "shop/b",
    "shop/far",
    "shop/cart",
  ]);
});
