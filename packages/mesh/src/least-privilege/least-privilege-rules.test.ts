import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RequestAuthorizationFacts } from "../authorization/authorization-facts.ts";
import { authorize } from "../authorization/authorize.ts";
import { compileAuthorization } from "../authorization/compile-authorization.ts";
import { leastPrivilegeRules, type ObservedCaller } from "./least-privilege-rules.ts";
import { templatePath } from "./path-template.ts";

const WEB = "cluster.local/ns/shop/sa/web";
const CART = "cluster.local/ns/shop/sa/cart";

test("callers alone make one rule, whatever they asked", () => {
  const callers = [
    { principal: WEB, address: undefined, operations: [{ method: "GET", path: "/a" }] },
    { principal: CART, address: undefined, operations: [] },
    { principal: undefined, address: "10.0.4.17", operations: [] },
  ];
  assert.deepEqual(leastPrivilegeRules(callers, false), [
    { from: [{ principals: [CART, WEB] }, { ipBlocks: ["10.0.4.17"] }], to: [], when: [] },
  ]);
});

test("paths asked with the same methods share an operation, callers that do the same a rule", () => {
  const operations = [
    { method: "GET", path: "/items/{*}" },
    { method: "GET", path: "/items" },
    { method: "POST", path: "/items" },
  ];
  const callers = [WEB, CART].map((principal) => ({ principal, address: undefined, operations }));
  assert.deepEqual(leastPrivilegeRules(callers, true), [
    {
      from: [{ principals: [CART, WEB] }],
      to: [
        { methods: ["GET"], paths: ["/items/{*}"] },
        { methods: ["GET", "POST"], paths: ["/items"] },
      ],
      when: [],
    },
  ]);
});

const segment = fc.constantFrom("items", "orders", "4711", "a-b", "x{y", "*", "jon@x.org", "V1");
const request = fc.record({
  sa: fc.constantFrom("web", "cart", "teller"),
  method: fc.constantFrom("GET", "POST", "DELETE"),
  path: fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`),
});
type Request = { readonly sa: string; readonly method: string; readonly path: string };

function factsOf({ sa, method, path }: Request): RequestAuthorizationFacts {
  return {
    peerIdentity: `spiffe://cluster.local/ns/shop/sa/${sa}`,
    sourceAddress: "127.0.0.1",
    remoteAddress: "127.0.0.1",
    destinationAddress: "127.0.0.1",
    destinationPort: 80,
    sni: undefined,
    method,
    path,
    authority: "x",
    header: () => undefined,
  };
}

test("the rules allow every request they were made of, and no caller that was not seen", () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 60 }), fc.boolean(), (seen, whole) => {
      const callers: ObservedCaller[] = [...Map.groupBy(seen, ({ sa }) => sa)].map(
        ([sa, asked]) => ({
          principal: `cluster.local/ns/shop/sa/${sa}`,
          address: undefined,
          operations: asked.map(({ method, path }) => ({ method, path: templatePath(path) })),
        }),
      );
      const rules = leastPrivilegeRules(callers, whole);
      const policy = { namespace: "shop", name: "x", action: "ALLOW", isShadow: false } as const;
      const { http } = compileAuthorization([{ ...policy, rules }]);
      assert.ok(http);
      for (const one of seen) assert.ok(authorize(http, factsOf(one)).isAllowed, one.path);
      const stranger = { sa: "stranger", method: "GET", path: "/items" };
      assert.equal(authorize(http, factsOf(stranger)).isAllowed, false);
    }),
  );
});
