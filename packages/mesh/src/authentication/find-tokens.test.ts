import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  compileAuthentication,
  findTokens,
  withoutCookie,
  withoutParameter,
} from "./compile-authentication.ts";
import type { JwtRule } from "./request-authentication.ts";

function compile(rest: Partial<JwtRule> = {}) {
  const rule: JwtRule = {
    ...{ issuer: "i", audiences: [], fromHeaders: [], fromParams: [], fromCookies: [] },
    ...{ forwardsToken: false, claimHeaders: [], spaceDelimitedClaims: [], isRequired: false },
    ...rest,
  };
  return compileAuthentication([{ namespace: "shop", name: "logins", rules: [rule] }]);
}

type Given = {
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly query?: string;
};

function tokensOf(rest: Partial<JwtRule>, { headers = {}, query }: Given): string[] {
  const [rule] = compile(rest).rules;
  assert.ok(rule);
  const found = findTokens(rule, { headerValues: (name) => headers[name] ?? [], query });
  return found.map(({ token, place }) => `${place.kind} ${place.name}: ${token}`);
}

const authorization = (...values: string[]) => ({ headers: { authorization: values } });
const cookies = (...values: string[]) => ({ headers: { cookie: values } });
const places = {
  fromHeaders: [{ name: "X-Jwt", prefix: "" }],
  fromParams: ["t"],
  fromCookies: ["session"],
};

const cases: [title: string, rest: Partial<JwtRule>, given: Given, tokens: string[]][] = [
  ["a bearer", {}, authorization("Bearer a.b.c"), ["header authorization: a.b.c"]],
  ["blanks behind the prefix", {}, authorization("Bearer   a.b"), ["header authorization: a.b"]],
  ["another scheme", {}, authorization("Basic abc"), []],
  ["another case", {}, authorization("bearer a.b.c"), []],
  ["a prefix further on", {}, authorization("Basic x, Bearer a"), ["header authorization: a"]],
  [
    "two lines",
    {},
    authorization("Bearer a", "Bearer b"),
    ["header authorization: a", "header authorization: b"],
  ],
  ["the default parameter", {}, { query: "x=1&access_token=a.b" }, ["param access_token: a.b"]],
  ["an escaped parameter", {}, { query: "access_token=a%2Eb" }, ["param access_token: a.b"]],
  ["a broken escape", {}, { query: "access_token=%zz" }, ["param access_token: %zz"]],
  ["no default beside places of its own", places, authorization("Bearer a"), []],
  ["a header without prefix", places, { headers: { "x-jwt": ["a b"] } }, ["header x-jwt: a b"]],
  ["a parameter of its own", places, { query: "t=a&access_token=b" }, ["param t: a"]],
  ["a cookie", places, cookies("a=1; session=x.y=; b=2"), ["cookie session: x.y="]],
  ["a quoted cookie", places, cookies('session="x"'), ["cookie session: x"]],
  ["a cookie in another line", places, cookies("a=1", "session=x"), ["cookie session: x"]],
  ["a cookie of a longer name", places, cookies("mysession=x; session2=y"), []],
];
for (const [title, rest, given, tokens] of cases) {
  test(`tokens of ${title}: ${tokens.join(", ") || "none"}`, () => {
    assert.deepEqual(tokensOf(rest, given), tokens);
  });
}

test("headers that tokens fill are named in lower case, once", () => {
  const claimHeaders = [
    { header: "X-Sub", claim: "sub" },
    { header: "x-role", claim: "realm.role" },
  ];
  const { ownHeaders, rules } = compile({ payloadHeader: "X-Sub", claimHeaders });
  assert.deepEqual([...ownHeaders], ["x-sub", "x-role"]);
  assert.deepEqual(rules[0]?.claimHeaders[1]?.path, ["realm", "role"]);
});

test("a parameter that is taken out is not found again, and the others stay as they were", () => {
  const text = fc.stringMatching(/^[ab=&]{0,12}$/);
  fc.assert(
    fc.property(text, fc.constantFrom("a", "b", "ab"), (query, name) => {
      const left = withoutParameter(query, name);
      const isIt = (pair: string) => pair === name || pair.startsWith(`${name}=`);
      const others = query.split("&").filter((pair) => !isIt(pair));
      assert.equal(left, others.length === 0 ? undefined : others.join("&"));
    }),
  );
});

test("a cookie that is taken out is not found again", () => {
  assert.equal(withoutCookie("a=1; session=x; b=2", "session"), "a=1; b=2");
  assert.equal(withoutCookie("session=x", "session"), undefined);
  assert.equal(withoutCookie("session=x; session=y;a=1", "session"), "a=1");
});
