import assert from "node:assert/strict";
import { test } from "node:test";
import { type HashFacts, hashRequest, makeHashCookie } from "./hash-key.ts";
import { stableHash } from "./stable-hash.ts";
import type { HashKey } from "./traffic-policy.ts";

const facts = (headers: Readonly<Record<string, string>>, query = ""): HashFacts => ({
  header: (name) => headers[name],
  query,
  sourceAddress: "10.0.0.1",
});
const header: HashKey = { kind: "header", name: "X-User" };
const cookie: HashKey = { kind: "cookie", name: "user" };
const query: HashKey = { kind: "query", name: "user" };

const cases: readonly [
  title: string,
  key: HashKey,
  facts: HashFacts,
  hashed: string | undefined,
][] = [
  ["httpHeaderName, whatever its case", header, facts({ "x-user": "alice" }), "alice"],
  ["a header that is not there", header, facts({}), undefined],
  ["httpCookie alone", cookie, facts({ cookie: "user=alice" }), "alice"],
  ["httpCookie among others", cookie, facts({ cookie: "a=b; user=alice; c=d" }), "alice"],
  ["httpCookie of repeated fields", cookie, facts({ cookie: "a=b,user=alice,c=d" }), "alice"],
  ["httpCookie in quotes", cookie, facts({ cookie: 'user="alice"' }), "alice"],
  ["the first of two cookies", cookie, facts({ cookie: "user=alice; user=bob" }), "alice"],
  ["a cookie whose name only ends so", cookie, facts({ cookie: "superuser=bob" }), undefined],
  ["a cookie whose name only begins so", cookie, facts({ cookie: "users=bob" }), undefined],
  ["an empty cookie", cookie, facts({ cookie: "user=" }), undefined],
  ["no cookie at all", cookie, facts({}), undefined],
  ["useSourceIp", { kind: "source-ip" }, facts({}), "10.0.0.1"],
  ["httpQueryParameterName", query, facts({}, "a=b&user=alice"), "alice"],
  ["the first of a repeated parameter", query, facts({}, "user=alice&user=bob"), "alice"],
  ["a parameter without value", query, facts({}, "user"), ""],
  ["a parameter whose name only begins so", query, facts({}, "users=bob"), undefined],
  ["a parameter as it was sent, not decoded", query, facts({}, "user=al%69ce"), "al%69ce"],
  ["no query", query, facts({}), undefined],
];
for (const [title, key, request, hashed] of cases) {
  test(`hashes ${title}: ${hashed ?? "nothing"}`, () => {
    const expected = hashed === undefined ? undefined : stableHash(hashed);
    assert.equal(hashRequest(key, request), expected);
  });
}

const cookies: readonly [HashKey, RegExp | undefined][] = [
  [header, undefined],
  [cookie, undefined],
  [{ ...cookie, ttlSeconds: 0 }, /^user=[0-9a-f]{16}; HttpOnly$/],
  [
    { ...cookie, ttlSeconds: 90, path: "/shop" },
    /^user=[0-9a-f]{16}; Max-Age=90; Path=\/shop; HttpOnly$/,
  ],
  [{ ...cookie, ttlSeconds: 0.5 }, /^user=[0-9a-f]{16}; Max-Age=1; HttpOnly$/],
  [
    {
      ...cookie,
      ttlSeconds: 0,
      attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure" }],
    },
    /^user=[0-9a-f]{16}; SameSite=Strict; Secure; HttpOnly$/,
  ],
  [
    { ...cookie, ttlSeconds: 0, attributes: [{ name: "HttpOnly" }] },
    /^user=[0-9a-f]{16}; HttpOnly$/,
  ],
];
for (const [key, expected] of cookies) {
  test(`makes ${expected ?? "no cookie"} for ${JSON.stringify(key)}`, () => {
    const made = makeHashCookie(key, 0.25, 0);
    if (expected === undefined) assert.equal(made, undefined);
    else assert.match(made?.setCookie ?? "", expected);
  });
}

test("the cookie that was made leads the next request to the same hash", () => {
  const made = makeHashCookie({ ...cookie, ttlSeconds: 60 }, 0.123, 0.456);
  const [pair = ""] = made?.setCookie.split(";") ?? [];
  assert.equal(hashRequest(cookie, facts({ cookie: pair })), made?.hash);
});
