import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { connectionOnly, type RequestAuthorizationFacts } from "./authorization-facts.ts";
import type {
  AuthorizationPolicy,
  AuthorizationRule,
  ConditionMatch,
  OperationMatch,
  SourceMatch,
} from "./authorization-policy.ts";
import { authorize, findAuditRule, formatRuleName } from "./authorize.ts";
import { compileAuthorization } from "./compile-authorization.ts";
import { explainAuthorization } from "./explain-authorization.ts";
import { InvalidAuthorizationError } from "./invalid-authorization-error.ts";

const FRONTEND = "spiffe://cluster.local/ns/shop/sa/frontend";
type Given = Partial<Omit<RequestAuthorizationFacts, "header">> & {
  headers?: Record<string, string>;
};

function facts({ headers = {}, ...given }: Given = {}): RequestAuthorizationFacts {
  return {
    peerIdentity: FRONTEND,
    sourceAddress: "10.0.0.7",
    remoteAddress: "203.0.113.9",
    destinationAddress: "10.0.0.8",
    destinationPort: 8080,
    sni: "reviews.shop",
    method: "GET",
    path: "/api/v1",
    authority: "reviews.shop:8080",
    ...given,
    header: (name) => headers[name],
  };
}

function policy(
  action: AuthorizationPolicy["action"],
  rules: readonly Partial<AuthorizationRule>[],
  isShadow = false,
): AuthorizationPolicy {
  const whole = rules.map((rule) => ({ from: [], to: [], when: [], ...rule }));
  return { namespace: "shop", name: action.toLowerCase(), action, isShadow, rules: whole };
}

function decide(policies: readonly AuthorizationPolicy[], given: Given = {}): boolean {
  const { http } = compileAuthorization(policies);
  assert.ok(http);
  return authorize(http, facts(given)).isAllowed;
}
function decideTcp(policies: readonly AuthorizationPolicy[], given: Given = {}): boolean {
  const { tcp } = compileAuthorization(policies);
  assert.ok(tcp);
  return authorize(tcp, connectionOnly(facts(given))).isAllowed;
}

const get = { to: [{ methods: ["GET"] }] };
const post = { to: [{ methods: ["POST"] }] };
const orderCases: [title: string, policies: readonly AuthorizationPolicy[], isAllowed: boolean][] =
  [
    ["ALLOW that matches", [policy("ALLOW", [get])], true],
    ["ALLOW that does not match", [policy("ALLOW", [post])], false],
    ["one of several rules is enough", [policy("ALLOW", [post, get])], true],
    [
      "one of several ALLOW policies is enough",
      [policy("ALLOW", [post]), policy("ALLOW", [get])],
      true,
    ],
    ["DENY that matches", [policy("DENY", [get])], false],
    ["DENY that does not match", [policy("DENY", [post])], true],
    ["DENY comes before ALLOW", [policy("ALLOW", [get]), policy("DENY", [get])], false],
    ["an empty spec denies all", [policy("ALLOW", [])], false],
    ["an empty rule allows all", [policy("ALLOW", [{}])], true],
    ["an empty rule of DENY denies all", [policy("DENY", [{}])], false],
    ["AUDIT never decides", [policy("AUDIT", [get])], true],
    ["AUDIT does not stand in for ALLOW", [policy("AUDIT", [get]), policy("ALLOW", [post])], false],
  ];
for (const [title, policies, isAllowed] of orderCases) {
  test(`${title}: ${isAllowed ? "allowed" : "denied"}`, () => {
    assert.equal(decide(policies), isAllowed);
  });
}

const sourceCases: [source: SourceMatch, given: Given, isMatch: boolean][] = [
  [{ principals: ["cluster.local/ns/shop/sa/frontend"] }, {}, true],
  [{ principals: ["cluster.local/ns/shop/sa/front"] }, {}, false],
  [{ principals: ["other.domain/ns/shop/sa/frontend"] }, {}, false],
  [{ principals: ["cluster.local/ns/shop/*"] }, {}, true],
  [{ principals: ["*/sa/frontend"] }, {}, true],
  [{ principals: ["*"] }, {}, true],
  [{ principals: ["*"] }, { peerIdentity: undefined }, false],
  [{ notPrincipals: ["*"] }, {}, false],
  [{ notPrincipals: ["cluster.local/ns/bank/sa/x"] }, {}, true],
  [{ notPrincipals: ["cluster.local/ns/bank/sa/x"] }, { peerIdentity: undefined }, true],
  [{ notNamespaces: ["shop"] }, { peerIdentity: undefined }, true],
  [{ namespaces: ["shop"] }, {}, true],
  [{ namespaces: ["sho"] }, {}, false],
  [{ namespaces: ["sh*"] }, {}, true],
  [{ namespaces: ["*op"] }, {}, true],
  [{ namespaces: ["*"] }, {}, true],
  [{ namespaces: ["*"] }, { peerIdentity: undefined }, false],
  [{ serviceAccounts: ["frontend"] }, {}, true],
  [{ serviceAccounts: ["shop/frontend"] }, {}, true],
  [{ serviceAccounts: ["bank/frontend"] }, {}, false],
  [{ serviceAccounts: ["front"] }, {}, false],
  [{ serviceAccounts: ["front.nd"] }, {}, false],
  [{ trustDomains: ["cluster.local"] }, {}, true],
  [{ trustDomains: ["*.local"] }, {}, true],
  [{ notTrustDomains: ["cluster.*"] }, {}, false],
  [{ ipBlocks: ["10.0.0.0/24"] }, {}, true],
  [{ ipBlocks: ["10.0.0.7"] }, { sourceAddress: "::ffff:10.0.0.7" }, true],
  [{ ipBlocks: ["203.0.113.0/24"] }, {}, false],
  [{ notIpBlocks: ["10.0.0.0/8"] }, {}, false],
  [{ remoteIpBlocks: ["203.0.113.0/24"] }, {}, true],
  [{ notRemoteIpBlocks: ["203.0.113.9"] }, {}, false],
  [{ requestPrincipals: ["*"] }, {}, false],
  [{ notRequestPrincipals: ["*"] }, {}, true],
  [{ principals: ["*"], namespaces: ["bank"] }, {}, false],
  [{ namespaces: ["shop"], notPrincipals: ["*/frontend"] }, {}, false],
  [{ namespaces: [] }, { peerIdentity: undefined }, true],
];
for (const [source, given, isMatch] of sourceCases) {
  const from = JSON.stringify({ ...source, ...given });
  test(`a rule from ${from} ${isMatch ? "matches" : "does not match"}`, () => {
    assert.equal(decide([policy("ALLOW", [{ from: [source] }])], given), isMatch);
  });
}

const operationCases: [operation: OperationMatch, given: Given, isMatch: boolean][] = [
  [{ methods: ["GET"] }, {}, true],
  [{ methods: ["get"] }, {}, false],
  [{ methods: ["G*"] }, {}, true],
  [{ methods: ["*"] }, {}, true],
  [{ notMethods: ["GET"] }, {}, false],
  [{ paths: ["/api/v1"] }, {}, true],
  [{ paths: ["/API/v1"] }, {}, false],
  [{ paths: ["/api/*"] }, {}, true],
  [{ paths: ["*/v1"] }, {}, true],
  [{ paths: ["*"] }, {}, true],
  [{ paths: ["*a*"] }, {}, false],
  [{ paths: ["*a*"] }, { path: "/xa*" }, true],
  [{ notPaths: ["/api/*"] }, {}, false],
  [{ paths: ["/api/{*}"] }, {}, true],
  [{ paths: ["/api/{*}"] }, { path: "/api/v1/x" }, false],
  [{ paths: ["/api/{*}"] }, { path: "/api/" }, false],
  [{ paths: ["/{*}/v1"] }, {}, true],
  [{ paths: ["/api/{**}"] }, { path: "/api/v1/x" }, true],
  [{ paths: ["/api/{**}"] }, { path: "/api/" }, true],
  [{ paths: ["/api/{**}"] }, { path: "/api" }, false],
  [{ paths: ["/{**}/path/template"] }, { path: "/a/b/path/template" }, true],
  [{ paths: ["/a.c/{*}"] }, { path: "/abc/x" }, false],
  [{ hosts: ["reviews.shop:8080"] }, {}, true],
  [{ hosts: ["Reviews.SHOP:8080"] }, {}, true],
  [{ hosts: ["reviews.*"] }, { authority: "REVIEWS.shop" }, true],
  [{ hosts: ["*.bank"] }, {}, false],
  [{ notHosts: ["reviews.shop:8080"] }, { authority: "REVIEWS.SHOP:8080" }, false],
  [{ ports: ["8080"] }, {}, true],
  [{ ports: ["80"] }, {}, false],
  [{ notPorts: ["8080"] }, {}, false],
  [{ methods: ["GET"], paths: ["/other"] }, {}, false],
];
for (const [operation, given, isMatch] of operationCases) {
  const to = JSON.stringify({ ...operation, ...given });
  test(`a rule to ${to} ${isMatch ? "matches" : "does not match"}`, () => {
    assert.equal(decide([policy("ALLOW", [{ to: [operation] }])], given), isMatch);
  });
}

const whenCases: [when: ConditionMatch, given: Given, isMatch: boolean][] = [
  [{ key: "request.headers[X-User]", values: ["jo"] }, { headers: { "x-user": "jo" } }, true],
  [{ key: "request.headers[X-User]", values: ["JO"] }, { headers: { "x-user": "jo" } }, false],
  [{ key: "request.headers[X-User]", values: ["*"] }, { headers: { "x-user": "" } }, true],
  [{ key: "request.headers[X-User]", values: ["*"] }, {}, false],
  [{ key: "request.headers[X-User]", notValues: ["jo"] }, {}, true],
  [{ key: "source.ip", values: ["10.0.0.0/8"] }, {}, true],
  [{ key: "remote.ip", notValues: ["10.0.0.0/8"] }, {}, true],
  [{ key: "source.namespace", values: ["shop"] }, {}, true],
  [{ key: "source.principal", values: ["cluster.local/*"] }, {}, true],
  [{ key: "source.serviceAccount", values: ["shop/frontend"] }, {}, true],
  [{ key: "source.trustDomain", values: ["cluster.local"] }, {}, true],
  [{ key: "destination.ip", values: ["10.0.0.8"] }, {}, true],
  [{ key: "destination.port", values: ["80", "8080"] }, {}, true],
  [{ key: "connection.sni", values: ["*.shop"] }, {}, true],
  [{ key: "connection.sni", values: ["*"] }, { sni: undefined }, false],
  [{ key: "request.auth.principal", values: ["*"] }, {}, false],
  [{ key: "request.auth.claims[a][b]", values: ["*"] }, {}, false],
  [{ key: "request.auth.claims[a]", notValues: ["x"] }, {}, true],
  [{ key: "request.auth.audiences", values: ["a"], notValues: ["b"] }, {}, false],
];
for (const [when, given, isMatch] of whenCases) {
  const asked = JSON.stringify({ ...when, ...given });
  test(`a rule when ${asked} ${isMatch ? "matches" : "does not match"}`, () => {
    assert.equal(decide([policy("ALLOW", [{ when: [when] }])], given), isMatch);
  });
}

test("alternatives of from and to are ORed, the parts are ANDed", () => {
  const rule = {
    from: [{ namespaces: ["bank"] }, { namespaces: ["shop"] }],
    to: [{ methods: ["POST"] }, { paths: ["/api/*"] }],
    when: [{ key: "destination.port", values: ["8080"] }],
  };
  assert.equal(decide([policy("ALLOW", [rule])]), true);
  assert.equal(decide([policy("ALLOW", [rule])], { destinationPort: 1 }), false);
  assert.equal(decide([policy("ALLOW", [rule])], { path: "/" }), false);
});

test("a DENY rule of HTTP fields alone denies all TCP, an ALLOW rule allows none (1.10 no. 13)", () => {
  const rules = [get];
  assert.equal(decideTcp([policy("DENY", rules)]), false);
  assert.equal(decideTcp([policy("ALLOW", rules)]), false);
});

test("on TCP a DENY rule keeps its other fields, an ALLOW rule is dropped as a whole", () => {
  const rule = { from: [{ namespaces: ["shop"] }], ...get };
  assert.equal(decideTcp([policy("DENY", [rule])]), false);
  assert.equal(decideTcp([policy("DENY", [rule])], { peerIdentity: undefined }), true);
  assert.equal(decideTcp([policy("ALLOW", [rule])]), false);
  const ports = { to: [{ ports: ["8080"] }] };
  assert.equal(decideTcp([policy("ALLOW", [rule, ports])]), true);
});

test("on TCP a token condition counts as HTTP's", () => {
  const rule = { from: [{ notRequestPrincipals: ["*"] }] };
  assert.equal(decide([policy("ALLOW", [rule])]), true);
  assert.equal(decideTcp([policy("ALLOW", [rule])]), false);
});

test("a shadow policy decides nothing, but says what it would", () => {
  const compiled = compileAuthorization([policy("DENY", [get], true)]);
  assert.equal(compiled.http, undefined);
  assert.ok(compiled.httpShadow);
  const { isAllowed, by } = authorize(compiled.httpShadow, facts());
  assert.deepEqual([isAllowed, formatRuleName(by)], [false, "ns[shop]-policy[deny]-rule[0]"]);
});

test("an audit rule is named", () => {
  const { http } = compileAuthorization([policy("AUDIT", [post, get])]);
  assert.ok(http);
  assert.equal(findAuditRule(http, facts())?.rule, 1);
  assert.equal(formatRuleName(findAuditRule(http, facts({ method: "PUT" }))), "none");
});

test("a denial names the policy, the rule and the field that failed (§5 pain 15)", () => {
  const rule = { from: [{ principals: ["cluster.local/ns/shop/sa/cart"] }], ...get };
  const { http } = compileAuthorization([policy("ALLOW", [rule])]);
  assert.ok(http);
  const trace = explainAuthorization(http, facts({ peerIdentity: undefined }));
  assert.deepEqual(trace.rules[0]?.failed, [
    {
      field: "from[0].source.principals",
      wanted: ["cluster.local/ns/shop/sa/cart"],
      seen: "no identity (plaintext)",
    },
  ]);
  assert.equal(
    trace.summary,
    "denied: none of 1 ALLOW rules matches: shop/allow rule 0: from[0].source.principals wants cluster.local/ns/shop/sa/cart, is no identity (plaintext)",
  );
});

test("a denial by a DENY rule names it", () => {
  const { http } = compileAuthorization([policy("DENY", [post, get])]);
  assert.ok(http);
  assert.equal(explainAuthorization(http, facts()).summary, "denied by shop/deny rule 1");
});

test("an explanation shows no header's value", () => {
  const when = [{ key: "request.headers[authorization]", values: ["Bearer a"] }];
  const { http } = compileAuthorization([policy("ALLOW", [{ when }])]);
  assert.ok(http);
  const trace = explainAuthorization(http, facts({ headers: { authorization: "Bearer secret" } }));
  assert.doesNotMatch(trace.summary, /secret/);
});

const invalid: [rule: Partial<AuthorizationRule>, field: string][] = [
  [{ when: [{ key: "source.colour", values: ["red"] }] }, "when[0].key"],
  [{ when: [{ key: "request.headers[a b]", values: ["x"] }] }, "when[0].key"],
  [{ to: [{ ports: ["http"] }] }, "to[0].operation.ports"],
  [{ to: [{ ports: ["65536"] }] }, "to[0].operation.ports"],
  [{ to: [{ paths: ["/a/{*}.txt"] }] }, "to[0].operation.paths"],
  [{ to: [{ paths: ["/{**}/{*}"] }] }, "to[0].operation.paths"],
  [{ to: [{ paths: ["/a/{*}/b*"] }] }, "to[0].operation.paths"],
  [{ to: [{ notPaths: ["{*}"] }] }, "to[0].operation.notPaths"],
];
for (const [rule, field] of invalid) {
  test(`${JSON.stringify(rule)} is refused at ${field}`, () => {
    assert.throws(
      () => compileAuthorization([policy("DENY", [rule])]),
      (error: Error) => error instanceof InvalidAuthorizationError && error.field === field,
    );
  });
}

test("the explanation decides as the evaluation does, and accounts for every rule", () => {
  const values = (...list: string[]) => fc.subarray(list);
  const source = fc.record(
    { namespaces: values("shop", "bank"), notPrincipals: values("*/frontend", "*/cart") },
    { requiredKeys: [] },
  );
  const operation = fc.record(
    { methods: values("GET", "POST"), notPaths: values("/api/*", "/x") },
    { requiredKeys: [] },
  );
  const rule = fc.record({
    from: fc.array(source, { maxLength: 2 }),
    to: fc.array(operation, { maxLength: 2 }),
  });
  const action = fc.constantFrom("ALLOW" as const, "DENY" as const);
  const policies = fc.array(
    fc.tuple(action, fc.array(rule, { maxLength: 3 })).map(([kind, rules]) => policy(kind, rules)),
    { minLength: 1, maxLength: 4 },
  );
  const given = fc.record({
    method: fc.constantFrom("GET", "POST"),
    path: fc.constantFrom("/api/v1", "/x"),
    peerIdentity: fc.constantFrom(undefined, FRONTEND),
  });
  fc.assert(
    fc.property(policies, given, (list, one) => {
      const { http } = compileAuthorization(list);
      assert.ok(http);
      const { decision, rules } = explainAuthorization(http, facts(one));
      for (const { isMatch, failed } of rules) assert.equal(isMatch, failed.length === 0);
      const hits = (kind: string) =>
        rules.some(({ action, isMatch }) => action === kind && isMatch);
      const isAllowed = !hits("DENY") && (!http.hasAllowPolicy || hits("ALLOW"));
      assert.equal(decision.isAllowed, isAllowed);
      assert.equal(authorize(http, facts(one)).isAllowed, isAllowed);
    }),
    { numRuns: 1000 },
  );
});
