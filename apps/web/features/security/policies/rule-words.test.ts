import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyState } from "@heddle/contracts";
import { ruleInWords, rulesInWords } from "./rule-words.ts";

type Authorization = NonNullable<PolicyState["authorization"]>;
type Rule = Authorization["rules"][number];

function words(rule: Partial<Rule>, policy: Partial<Authorization> = {}): string {
  const whole = { from: [], to: [], when: [], ...rule };
  const authorization: Authorization = {
    namespace: "shop",
    name: "payments",
    action: "ALLOW",
    isShadow: false,
    rules: [whole],
    ...policy,
  };
  return ruleInWords(whole, authorization);
}

const cases: [rule: Partial<Rule>, policy: Partial<Authorization>, words: string][] = [
  [{}, {}, "anybody may do anything"],
  [
    {
      from: [{ principals: ["cluster.local/ns/shop/sa/checkout-v1"] }],
      to: [{ methods: ["POST"], paths: ["/v2/charges"] }],
    },
    {},
    "checkout-v1 of shop may POST /v2/charges",
  ],
  [
    { from: [{ namespaces: ["shop", "bank"] }, { ipBlocks: ["10.0.0.0/8"] }] },
    {},
    "namespace shop or bank or address 10.0.0.0/8 may do anything",
  ],
  [{ from: [{ principals: ["*"] }] }, {}, "anybody with an identity may do anything"],
  [
    { from: [{ notPrincipals: ["*"] }] },
    { action: "DENY" },
    "anybody without an identity may not do anything",
  ],
  [
    { from: [{ notNamespaces: ["shop"] }] },
    { action: "DENY" },
    "anybody but namespace shop may not do anything",
  ],
  [{ from: [{ requestPrincipals: ["*"] }] }, {}, "any valid token may do anything"],
  [
    { from: [{ serviceAccounts: ["shop/cart"] }], to: [{ methods: ["GET", "HEAD"] }] },
    {},
    "cart of shop may GET or HEAD any path",
  ],
  [{ to: [{ paths: ["/admin/*"] }] }, { action: "DENY" }, "anybody may not call /admin/*"],
  [
    { to: [{ notMethods: ["GET"], notPaths: ["/health"], ports: ["8080"] }] },
    {},
    "anybody may use any method but GET on any path but not /health at port 8080",
  ],
  [
    { when: [{ key: "request.headers[x-team]", values: ["billing"], notValues: ["ops"] }] },
    {},
    "anybody may do anything, when request.headers[x-team] is billing and is not ops",
  ],
  [
    { to: [{ paths: ["/admin"] }] },
    { action: "CUSTOM", provider: "opa" },
    "anybody must be let in by opa to call /admin",
  ],
];
for (const [rule, policy, expected] of cases) {
  test(`a rule reads "${expected}"`, () => {
    assert.equal(words(rule, policy), expected);
  });
}

test("an ALLOW policy without rules says that it shuts everybody out", () => {
  const policy = { namespace: "shop", name: "none", isShadow: false, rules: [] };
  assert.match(rulesInWords({ ...policy, action: "ALLOW" }) ?? "", /^nobody may do anything/);
  assert.match(rulesInWords({ ...policy, action: "DENY" }) ?? "", /^nothing/);
});
