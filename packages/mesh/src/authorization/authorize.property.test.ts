import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitClaims } from "../authentication/token-claims.ts";
import { connectionOnly, type RequestAuthorizationFacts } from "./authorization-facts.ts";
import type {
  AuthorizationPolicy,
  AuthorizationRule,
  ConditionMatch,
  OperationMatch,
  SourceMatch,
} from "./authorization-policy.ts";
import { authorize, findAuditRule } from "./authorize.ts";
import { compileAuthorization } from "./compile-authorization.ts";
import { explainAuthorization } from "./explain-authorization.ts";

// A second evaluator, written from the reference's text alone (Istio's AuthorizationPolicy, one sentence
// after the other) and from none of the code it is held against. It is slow and plain on purpose: no
// compiling, every list walked, addresses as arrays of bits, patterns letter by letter.

type Request = {
  readonly identity: string | undefined;
  readonly source: string;
  readonly remote: string;
  readonly destination: string;
  readonly port: number;
  readonly sni: string | undefined;
  readonly http:
    | {
        readonly method: string;
        readonly path: string;
        readonly host: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly claims: Record<string, unknown> | undefined;
      }
    | undefined;
};
type Verdict = { readonly isAllowed: boolean; readonly isAudited: boolean };

/** "CUSTOM aside: any DENY match denies; no ALLOW policy at all allows; any ALLOW match allows; else deny." */
function evaluate(policies: readonly AuthorizationPolicy[], request: Request): Verdict {
  let isDenied = false;
  let isAllowed = false;
  let hasAllowPolicy = false;
  let isAudited = false;
  for (const policy of policies) {
    if (policy.isShadow || policy.action === "CUSTOM") continue;
    if (policy.action === "ALLOW") hasAllowPolicy = true;
    for (const rule of policy.rules) {
      if (!ruleMatches(policy, rule, request)) continue;
      if (policy.action === "DENY") isDenied = true;
      if (policy.action === "ALLOW") isAllowed = true;
      if (policy.action === "AUDIT") isAudited = true;
    }
  }
  return { isAllowed: isDenied ? false : hasAllowPolicy ? isAllowed : true, isAudited };
}

/** "rule: AND of (OR of from[]), (OR of to[]), (AND of when[]); missing part = any" */
function ruleMatches(
  policy: AuthorizationPolicy,
  rule: AuthorizationRule,
  request: Request,
): boolean {
  if (request.http === undefined && policy.action === "ALLOW" && asksForHttp(rule)) return false;
  const from =
    rule.from.length === 0 || rule.from.some((one) => sourceMatches(policy, one, request));
  const to = rule.to.length === 0 || rule.to.some((one) => operationMatches(one, request));
  const when = rule.when.every((one) => whenMatches(policy, one, request));
  return from && to && when;
}

const HTTP_SOURCES = ["requestPrincipals", "notRequestPrincipals"];
const TCP_OPERATIONS = ["ports", "notPorts"];

/** "HTTP-only fields on TCP chains: ALLOW rule: whole rule dropped." */
function asksForHttp(rule: AuthorizationRule): boolean {
  const written = (part: object) =>
    Object.entries(part)
      .filter(([, list]) => list !== undefined && list.length > 0)
      .map(([name]) => name);
  for (const one of rule.from) if (written(one).some((f) => HTTP_SOURCES.includes(f))) return true;
  for (const one of rule.to) if (written(one).some((f) => !TCP_OPERATIONS.includes(f))) return true;
  return rule.when.some(({ key }) => key.startsWith("request."));
}

/** "fields ANDed, values ORed, notX = NOT(OR values), ANDed" — `undefined`: TCP, and the field is dropped. */
function fieldHolds(
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  matches: ((value: string) => boolean) | undefined,
): boolean {
  if (matches === undefined) return true;
  if (values !== undefined && values.length > 0 && !values.some(matches)) return false;
  return !(notValues !== undefined && notValues.some(matches));
}

function sourceMatches(policy: AuthorizationPolicy, one: SourceMatch, request: Request): boolean {
  const { http } = request;
  return (
    fieldHolds(one.principals, one.notPrincipals, (v) => isPrincipal(v, request)) &&
    fieldHolds(one.namespaces, one.notNamespaces, (v) => isNamespace(v, request)) &&
    fieldHolds(one.serviceAccounts, one.notServiceAccounts, (v) =>
      isServiceAccount(v, policy.namespace, request),
    ) &&
    fieldHolds(one.trustDomains, one.notTrustDomains, (v) => isTrustDomain(v, request)) &&
    fieldHolds(one.ipBlocks, one.notIpBlocks, (v) => isWithin(request.source, v)) &&
    fieldHolds(one.remoteIpBlocks, one.notRemoteIpBlocks, (v) => isWithin(request.remote, v)) &&
    fieldHolds(
      one.requestPrincipals,
      one.notRequestPrincipals,
      http && ((v) => isRequestPrincipal(v, http.claims)),
    )
  );
}

function operationMatches(one: OperationMatch, { http, port }: Request): boolean {
  return (
    fieldHolds(one.ports, one.notPorts, (value) => value === `${port}`) &&
    fieldHolds(
      one.hosts,
      one.notHosts,
      http && ((value) => isForm(value.toLowerCase(), http.host.toLowerCase())),
    ) &&
    fieldHolds(one.methods, one.notMethods, http && ((value) => isForm(value, http.method))) &&
    fieldHolds(one.paths, one.notPaths, http && ((value) => isPath(value, http.path)))
  );
}

function whenMatches(
  policy: AuthorizationPolicy,
  { key, values, notValues }: ConditionMatch,
  request: Request,
): boolean {
  const { http } = request;
  const matcher = (): ((value: string) => boolean) | undefined => {
    if (key === "source.ip") return (value) => isWithin(request.source, value);
    if (key === "remote.ip") return (value) => isWithin(request.remote, value);
    if (key === "destination.ip") return (value) => isWithin(request.destination, value);
    if (key === "destination.port") return (value) => value === `${request.port}`;
    if (key === "source.namespace") return (value) => isNamespace(value, request);
    if (key === "source.principal") return (value) => isPrincipal(value, request);
    if (key === "source.serviceAccount")
      return (value) => isServiceAccount(value, policy.namespace, request);
    if (key === "source.trustDomain") return (value) => isTrustDomain(value, request);
    if (key === "connection.sni")
      return (value) => request.sni !== undefined && isForm(value, request.sni);
    if (http === undefined) return undefined;
    if (key === "request.auth.principal") return (value) => isRequestPrincipal(value, http.claims);
    if (key === "request.auth.audiences") return (value) => isClaim(value, http.claims, ["aud"]);
    if (key === "request.auth.presenter") return (value) => isClaim(value, http.claims, ["azp"]);
    const inside = [...key.matchAll(/\[([^\]]+)\]/g)].map((match) => match[1] ?? "");
    if (key.startsWith("request.auth.claims"))
      return (value) => isClaim(value, http.claims, inside);
    const header = http.headers[(inside[0] ?? "").toLowerCase()];
    return (value) => header !== undefined && (value === "*" || isForm(value, header));
  };
  return fieldHolds(values, notValues, matcher());
}

/** "exact; abc* prefix; *abc suffix; * = present/non-empty; looked at only at one end: *a* = suffix a*" */
function isForm(pattern: string, text: string): boolean {
  const { length } = pattern;
  if (pattern === "*") return text.length > 0;
  if (pattern[0] === "*")
    return text.slice(-(length - 1)) === pattern.slice(1) && text.length >= length - 1;
  if (pattern[length - 1] === "*")
    return text.slice(0, length - 1) === pattern.slice(0, length - 1);
  return pattern === text;
}

/** "also templates {*} (one segment) and {**} (rest)" */
function isPath(pattern: string, path: string): boolean {
  if (!pattern.includes("{")) return isForm(pattern, path);
  const walk = (wanted: readonly string[], given: readonly string[]): boolean => {
    const [first, ...others] = wanted;
    if (first === undefined) return given.length === 0;
    if (first === "{**}") {
      for (let taken = 1; taken <= given.length; taken++) {
        if (walk(others, given.slice(taken))) return true;
      }
      return false;
    }
    const [segment, ...rest] = given;
    if (segment === undefined) return false;
    if (first === "{*}" ? segment === "" : segment !== first) return false;
    return walk(others, rest);
  };
  return walk(pattern.split("/"), path.split("/"));
}

/** "<td>/ns/<ns>/sa/<sa> (spiffe:// added); * any authenticated; needs mTLS" */
function isPrincipal(value: string, { identity }: Request): boolean {
  if (identity === undefined) return false;
  return value.startsWith("*") ? isForm(value, identity) : isForm(`spiffe://${value}`, identity);
}

function partsOf(identity: string): { domain: string; namespace: string; account: string } {
  const [, , domain = "", , namespace = "", , account = ""] = identity.split("/");
  return { domain, namespace, account };
}

/** "* -> .* anywhere", within what stands before and behind the namespace; here: without slashes. */
function isNamespace(value: string, { identity }: Request): boolean {
  if (identity === undefined) return false;
  return isGlob(value, partsOf(identity).namespace);
}

function isGlob(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] !== "*") return pattern[0] === text[0] && isGlob(pattern.slice(1), text.slice(1));
  for (let skipped = 0; skipped <= text.length; skipped++) {
    if (isGlob(pattern.slice(1), text.slice(skipped))) return true;
  }
  return false;
}

/** "[ns/]sa, no wildcard" */
function isServiceAccount(value: string, own: string, { identity }: Request): boolean {
  if (identity === undefined) return false;
  const { namespace, account } = partsOf(identity);
  return (value.includes("/") ? value : `${own}/${value}`) === `${namespace}/${account}`;
}

/** "exact/prefix/suffix/presence" */
function isTrustDomain(value: string, { identity }: Request): boolean {
  return identity !== undefined && isForm(value, partsOf(identity).domain);
}

/** "<iss>/<sub> split at the last /; * both non-empty; * /sub, iss/ *, prefix*, *suffix variants" */
function isRequestPrincipal(value: string, claims: Record<string, unknown> | undefined): boolean {
  const iss = claims?.["iss"];
  const sub = claims?.["sub"];
  if (typeof iss !== "string" || typeof sub !== "string") return false;
  if (value === "*") return iss !== "" && sub !== "";
  const pieces = value.split("/");
  const last = pieces.length === 1 ? undefined : (pieces.pop() ?? "");
  const first = pieces.join("/");
  if (last === undefined) {
    if (value.startsWith("*")) return iss !== "" && sub.endsWith(value.slice(1));
    if (value.endsWith("*")) return iss.startsWith(value.slice(0, -1)) && sub !== "";
    return iss === value && sub === "";
  }
  if (value.startsWith("*")) return isForm(first, iss) && sub === last;
  if (value.endsWith("*")) return iss === first && isForm(last, sub);
  return iss === first && sub === last;
}

/** Texts or lists of texts; scope and permission are taken apart at blanks. */
function isClaim(
  value: string,
  claims: Record<string, unknown> | undefined,
  path: readonly string[],
): boolean {
  let found: unknown = claims;
  for (const name of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found)) return false;
    found = Object.entries(found).find(([key]) => key === name)?.[1];
  }
  const isSplit = path.length === 1 && (path[0] === "scope" || path[0] === "permission");
  const texts = typeof found === "string" ? (isSplit ? found.split(" ") : [found]) : found;
  if (!Array.isArray(texts)) return false;
  return texts.some((text) => typeof text === "string" && isForm(value, text));
}

function isWithin(address: string, block: string): boolean {
  const [network = "", length] = block.split("/");
  const given = bitsOf(address);
  const wanted = bitsOf(network);
  if (given.length !== wanted.length) return false;
  const compared = length === undefined ? wanted.length : Number(length);
  for (let bit = 0; bit < compared; bit++) if (given[bit] !== wanted[bit]) return false;
  return true;
}

function bitsOf(address: string): number[] {
  if (!address.includes(":")) return address.split(".").flatMap((byte) => binary(Number(byte), 8));
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [before, behind] = [groups(head), groups(tail ?? "")];
  const zeros = Array<string>(8 - before.length - behind.length).fill("0");
  return [...before, ...zeros, ...behind].flatMap((group) =>
    binary(Number.parseInt(group, 16), 16),
  );
}

function binary(number: number, width: number): number[] {
  return [...number.toString(2).padStart(width, "0")].map(Number);
}

// ---- Random policies and requests of a small world, so that much of it meets ----

const some = (...values: readonly string[]) =>
  fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
/** Each field of a record in one case of six, and seldom an empty list, which asks for nothing. */
function rarely(lists: Readonly<Record<string, fc.Arbitrary<string[]>>>) {
  const fields = Object.entries(lists).map(([name, list]) => {
    const value = fc.oneof(
      { weight: 24, arbitrary: fc.constant(undefined) },
      { weight: 5, arbitrary: list },
      { weight: 1, arbitrary: fc.constant<string[]>([]) },
    );
    return [name, value] as const;
  });
  return fc.record(Object.fromEntries(fields));
}

const principals = some(
  "*",
  "a.b/ns/shop/sa/web",
  "a.b/ns/*",
  "*/sa/web",
  "c.d/ns/bank/sa/api",
  "a.b*",
);
const requestPrincipals = some(
  ...[
    "*",
    "i.com/jo",
    "*/jo",
    "i.com/*",
    "i.com/j*",
    "*com/jo",
    "https://i.com/x/jo",
    "https://i.com/x/*",
  ],
  ...["*o", "i*", "i.com", "i.com/al"],
);
const namespaces = some("shop", "bank", "*", "sh*", "*op", "s*p", "ban");
const accounts = some("web", "shop/web", "bank/api", "api", "we");
const domains = some("*", "a.b", "c.*", "*.b", "a");
const blocks = some(
  "10.0.0.0/8",
  "10.1.2.3",
  "10.1.0.0/15",
  "0.0.0.0/0",
  "fd00::/8",
  "fd00::1",
  "192.168.1.128/25",
);
const hosts = some("*", "reviews.shop", "Reviews.*", "*.shop", "reviews.shop:80", "x");
const ports = some("80", "8080", "443");
const methods = some("GET", "P*", "*", "get", "*T");
const paths = some(
  ...[
    "/",
    "*",
    "/api/*",
    "/api",
    "*/v1",
    "/api/{*}",
    "/{**}",
    "/api/{**}/x",
    "/{*}/v1",
    "/{**}/v1",
  ],
  ...["/API/*", "*i*"],
);
const texts = some("*", "jo", "j*", "*o", "a b", "read", "rea*");

const source: fc.Arbitrary<SourceMatch> = rarely({
  ...{ principals, notPrincipals: principals, requestPrincipals },
  ...{ notRequestPrincipals: requestPrincipals, namespaces, notNamespaces: namespaces },
  ...{ serviceAccounts: accounts, notServiceAccounts: accounts, trustDomains: domains },
  ...{ notTrustDomains: domains, ipBlocks: blocks, notIpBlocks: blocks },
  ...{ remoteIpBlocks: blocks, notRemoteIpBlocks: blocks },
});
const operation: fc.Arbitrary<OperationMatch> = rarely({
  ...{ hosts, notHosts: hosts, ports, notPorts: ports },
  ...{ methods, notMethods: methods, paths, notPaths: paths },
});
const KEYS: readonly (readonly [key: string, values: fc.Arbitrary<string[]>])[] = [
  ["source.ip", blocks],
  ["remote.ip", blocks],
  ["destination.ip", blocks],
  ["destination.port", ports],
  ["source.namespace", namespaces],
  ["source.principal", principals],
  ["source.serviceAccount", accounts],
  ["source.trustDomain", domains],
  ["connection.sni", hosts],
  ["request.auth.principal", requestPrincipals],
  ["request.auth.audiences", texts],
  ["request.auth.presenter", texts],
  ["request.auth.claims[scope]", texts],
  ["request.auth.claims[groups]", texts],
  ["request.auth.claims[a][b]", texts],
  ["request.headers[X-User]", texts],
];
const condition: fc.Arbitrary<ConditionMatch> = fc.oneof(
  ...KEYS.map(([key, values]) =>
    fc.oneof(
      fc.record({ key: fc.constant(key), values }),
      fc.record({ key: fc.constant(key), notValues: values }),
      fc.record({ key: fc.constant(key), values, notValues: values }),
    ),
  ),
);
const few = <T>(one: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<T[]>([]) },
    { weight: 4, arbitrary: one.map((value) => [value]) },
    { weight: 1, arbitrary: fc.tuple(one, one).map((pair) => [...pair]) },
  );
const rule: fc.Arbitrary<AuthorizationRule> = fc.record({
  from: few(source),
  to: few(operation),
  when: few(condition),
});
const policy: fc.Arbitrary<AuthorizationPolicy> = fc.record({
  namespace: fc.constantFrom("shop", "bank"),
  name: fc.constantFrom("a", "b", "c"),
  action: fc.constantFrom("ALLOW", "ALLOW", "DENY", "AUDIT", "CUSTOM"),
  isShadow: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  rules: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 12, arbitrary: fc.array(rule, { minLength: 1, maxLength: 2 }) },
  ),
});

const address = fc.constantFrom(
  "10.1.2.3",
  "10.200.0.1",
  "192.168.1.200",
  "192.168.1.7",
  "fd00::1",
  "fe80::7",
);
const claimText = fc.constantFrom("jo", "al", "read write", "a b", "read", "");
const claims = fc.record(
  {
    iss: fc.constantFrom("i.com", "https://i.com/x", "other.com", ""),
    sub: fc.constantFrom("jo", "al", ""),
    aud: fc.oneof(claimText, fc.array(claimText, { maxLength: 2 })),
    azp: claimText,
    scope: claimText,
    groups: fc.oneof(
      fc.array(claimText, { maxLength: 2 }),
      claimText,
      fc.constant(7),
      fc.constant(null),
    ),
    a: fc.oneof(fc.record({ b: fc.oneof(claimText, fc.array(claimText)) }), claimText),
  },
  { requiredKeys: [] },
);
const request: fc.Arbitrary<Request> = fc.record({
  identity: fc.constantFrom(
    ...[
      undefined,
      "spiffe://a.b/ns/shop/sa/web",
      "spiffe://c.d/ns/bank/sa/api",
      "spiffe://a.b/ns/shop/sa/api",
    ],
  ),
  source: address,
  remote: address,
  destination: address,
  port: fc.constantFrom(80, 8080),
  sni: fc.constantFrom(undefined, "reviews.shop", "x"),
  http: fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    {
      weight: 3,
      arbitrary: fc.record({
        method: fc.constantFrom("GET", "POST", "PUT"),
        path: fc.constantFrom(
          "/",
          "/api",
          "/api/",
          "/api/v1",
          "/api/v1/x",
          "/v1",
          "/x//v1",
          "/API/v1",
        ),
        host: fc.constantFrom(
          "reviews.shop",
          "REVIEWS.shop",
          "reviews.shop:80",
          "x",
          "secret.shop",
        ),
        headers: fc.oneof(
          fc.constant({}),
          fc.record({ "x-user": fc.constantFrom("jo", "", "JO", "a b") }),
        ),
        claims: fc.oneof(fc.constant(undefined), claims),
      }),
    },
  ),
});

function factsOf(one: Request): RequestAuthorizationFacts {
  const { identity, source, remote, destination, port, sni, http } = one;
  const connection = {
    ...{ peerIdentity: identity, sourceAddress: source, remoteAddress: remote },
    ...{ destinationAddress: destination, destinationPort: port, sni },
  };
  if (http === undefined) return connectionOnly(connection);
  const { method, path, host, headers, claims } = http;
  return {
    ...connection,
    ...{ method, path, authority: host, header: (name: string) => headers[name] },
    claims: claims === undefined ? undefined : splitClaims(claims, []),
  };
}

const SEED = Number(process.env["HEDDLE_TEST_SEED"] ?? 20_261_121);

test(`an evaluator written from the reference agrees on 10 000 policies and requests (seed ${SEED})`, () => {
  const seen = { allowed: 0, denied: 0, audited: 0, tcp: 0 };
  fc.assert(
    fc.property(fc.array(policy, { minLength: 1, maxLength: 4 }), request, (policies, one) => {
      const compiled = compileAuthorization(policies);
      const rules = one.http === undefined ? compiled.tcp : compiled.http;
      const facts = factsOf(one);
      const expected = evaluate(policies, one);
      const isAllowed = rules === undefined || authorize(rules, facts).isAllowed;
      const isAudited = rules !== undefined && findAuditRule(rules, facts) !== undefined;
      assert.deepEqual({ isAllowed, isAudited }, expected);
      if (rules !== undefined)
        assert.equal(explainAuthorization(rules, facts).decision.isAllowed, isAllowed);
      seen[isAllowed ? "allowed" : "denied"]++;
      if (isAudited) seen.audited++;
      if (one.http === undefined) seen.tcp++;
    }),
    { numRuns: 10_000, seed: SEED },
  );
  // Neither answer is the only one: a generator that meets nothing would prove nothing.
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 500, `${times} ${what}`);
});
