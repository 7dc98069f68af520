import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import type { JwtRule, RequestAuthentication } from "@heddle/mesh";
import { SignJWT } from "jose";
import { app, hosted, inbound, MemoryRecorder, RawClient, send } from "./data-path-kit.ts";
import { authorizationPolicy, obey } from "./support/policies.ts";

const ISSUER = "https://issuer.example";
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const others = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwksOf = (pair: typeof keys, kid: string) =>
  JSON.stringify({ keys: [{ ...pair.publicKey.export({ format: "jwk" }), kid, alg: "ES256" }] });
const JWKS = jwksOf(keys, "one");
const NOW = Math.floor(Date.now() / 1000);

type Claims = Record<string, unknown>;
function token(claims: Claims = {}, pair = keys, kid = "one"): Promise<string> {
  const whole = { iss: ISSUER, sub: "jo", exp: NOW + 3_600, ...claims };
  return new SignJWT(whole).setProtectedHeader({ alg: "ES256", kid }).sign(pair.privateKey);
}

function rule(rest: Partial<JwtRule> = {}): JwtRule {
  return {
    ...{ issuer: ISSUER, audiences: [], jwks: JWKS, fromHeaders: [], fromParams: [] },
    ...{ fromCookies: [], forwardsToken: false, claimHeaders: [], spaceDelimitedClaims: [] },
    isRequired: false,
    ...rest,
  };
}

function logins(...rules: Partial<JwtRule>[]): RequestAuthentication[] {
  return [{ namespace: "shop", name: "logins", rules: rules.map(rule) }];
}

type Seen = { readonly url: string; readonly headers: IncomingHttpHeaders };

async function start(t: TestContext, requestAuthentication: RequestAuthentication[]) {
  const seen: Seen[] = [];
  const reviews = await app(t, (request: IncomingMessage, response) => {
    seen.push({ url: request.url ?? "", headers: request.headers });
    response.end("ok");
  });
  const workload = await hosted("reviews", { appPort: reviews.port });
  const recorder = new MemoryRecorder();
  const { port } = await inbound(t, workload, recorder);
  obey(workload, { requestAuthentication });
  const ask = (headers: Record<string, string> = {}, path = "/", method = "GET") =>
    send(port, { headers, path, method });
  const bearer = async (claims?: Claims, pair = keys, kid = "one") =>
    ask({ authorization: `Bearer ${await token(claims, pair, kid)}` });
  return { workload, recorder, seen, port, ask, bearer };
}

test("a request without a token passes without identity, one with a good token with it", async (t) => {
  const { workload, ask, bearer, seen } = await start(t, logins({}));
  assert.equal((await ask()).status, 200);
  assert.equal((await bearer()).status, 200);
  const whoever = { from: [{ requestPrincipals: ["*"] }] };
  obey(workload, {
    requestAuthentication: logins({}),
    authorization: [authorizationPolicy("ALLOW", [whoever])],
  });
  assert.equal((await ask()).status, 403);
  assert.equal((await bearer()).status, 200);
  assert.equal((await bearer({ sub: "" })).status, 403);
  assert.equal(seen.length, 3);
});

const refusals: [title: string, claims: Claims, reason: string][] = [
  ["expired", { exp: NOW - 120 }, "Jwt is expired"],
  ["early", { nbf: NOW + 3_600 }, "Jwt not yet valid"],
  ["somebody else's", { iss: "https://other.example" }, "Jwt issuer is not configured"],
  ["for nobody", {}, "Audiences in Jwt are not allowed"],
  ["for others", { aud: ["a", "b"] }, "Audiences in Jwt are not allowed"],
  ["of no number", { exp: "tomorrow" }, "Jwt payload [exp] field is not an integer"],
];
for (const [title, claims, reason] of refusals) {
  test(`a token that is ${title} is answered with 401, "${reason}"`, async (t) => {
    const { bearer, seen, recorder } = await start(t, logins({ audiences: ["https://shop/"] }));
    const answer = await bearer(claims);
    assert.equal(answer.status, 401);
    assert.equal(answer.body.toString().split("\n")[0], reason);
    assert.match(
      String(answer.headers["www-authenticate"]),
      /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/", error="invalid_token"$/,
    );
    assert.equal(seen.length, 0);
    const counted = [...recorder.events.keys()].find((key) => key.includes("authentication"));
    assert.match(counted ?? "", new RegExp(`refused.*${reason.replace(/[[\]]/g, ".")}`));
  });
}

test("a token within 60 s of its times, and for one of several audiences, is good", async (t) => {
  const { bearer } = await start(t, logins({ audiences: ["https://shop/", "x"] }));
  const answer = await bearer({ exp: NOW - 30, nbf: NOW + 30, aud: ["y", "shop"] });
  assert.equal(answer.status, 200, answer.body.toString());
});

test("a signature by another key, an unknown key, no keys and nonsense are refused in Envoy's words", async (t) => {
  const { workload, bearer, ask } = await start(t, logins({}));
  const reasonOf = async (answer: Promise<{ status: number; body: Buffer }>) => {
    const { status, body } = await answer;
    return [status, body.toString().split("\n")[0]];
  };
  assert.deepEqual(await reasonOf(bearer({}, others)), [401, "Jwt verification fails"]);
  const unknown = "Jwks doesn't have key to match kid or alg from Jwt";
  assert.deepEqual(await reasonOf(bearer({}, keys, "two")), [401, unknown]);
  const form = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
  assert.deepEqual(await reasonOf(ask({ authorization: "Bearer abc" })), [401, form]);
  const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`;
  assert.equal((await ask({ authorization: `Bearer ${none}` })).status, 401);
  obey(workload, { requestAuthentication: logins({ jwks: undefined }) });
  assert.deepEqual(await reasonOf(bearer()), [401, "Jwks remote fetch is failed"]);
  assert.equal((await ask()).status, 200);
});

test("a required token that is missing is answered with 401", async (t) => {
  const { ask, bearer } = await start(t, logins({ isRequired: true }));
  const answer = await ask();
  assert.equal(answer.status, 401);
  assert.match(answer.body.toString(), /^Jwt is missing\n/);
  assert.doesNotMatch(String(answer.headers["www-authenticate"]), /error/);
  assert.equal((await bearer()).status, 200);
});

test("what names the app in a refusal holds nothing of the token", async (t) => {
  const { ask } = await start(t, logins({}));
  const text = await token({ exp: 1, secret: "pa55" });
  const answer = await ask({ authorization: `Bearer ${text}` }, `/x?access_token=${text}`);
  assert.equal(answer.status, 401);
  const all = JSON.stringify(answer.headers) + answer.body.toString();
  for (const part of text.split(".")) assert.ok(!all.includes(part), all);
});

test("tokens are found in headers, parameters and cookies, and end at this proxy", async (t) => {
  const places = {
    fromHeaders: [{ name: "X-Jwt", prefix: "token " }],
    fromParams: ["t"],
    fromCookies: ["session"],
  };
  const { ask, seen } = await start(t, logins({ ...places, isRequired: true }));
  const text = await token();
  assert.equal((await ask({ authorization: `Bearer ${text}` })).status, 401);
  assert.equal((await ask({ "x-jwt": `token ${text}`, "x-a": "1" })).status, 200);
  assert.equal((await ask({}, `/x?a=1&t=${text}&b=2`)).status, 200);
  assert.equal((await ask({ cookie: `a=1; session=${text}; b=2, c` })).status, 200);
  assert.deepEqual(
    seen.map(({ url, headers }) => [url, headers["x-jwt"], headers["x-a"], headers.cookie]),
    [
      ["/", undefined, "1", undefined],
      ["/x?a=1&b=2", undefined, undefined, undefined],
      ["/", undefined, undefined, "a=1; b=2, c"],
    ],
  );
});

test("a forwarded token stays where it is", async (t) => {
  const { ask, seen } = await start(t, logins({ forwardsToken: true }));
  const text = await token();
  await ask({ authorization: `Bearer ${text}` });
  await ask({}, `/?access_token=${text}`);
  assert.equal(seen[0]?.headers.authorization, `Bearer ${text}`);
  assert.equal(seen[1]?.url, `/?access_token=${text}`);
});

test("claims reach the app in headers that no caller can write", async (t) => {
  const claimHeaders = [
    { header: "X-Sub", claim: "sub" },
    { header: "x-level", claim: "realm.level" },
    { header: "x-admin", claim: "admin" },
    { header: "x-list", claim: "groups" },
    { header: "x-evil", claim: "evil" },
  ];
  const { workload, ask, bearer, seen } = await start(
    t,
    logins({ payloadHeader: "X-Payload", claimHeaders }),
  );
  const forged = Object.fromEntries(
    ["x-sub", "x-level", "x-admin", "x-payload"].map((name) => [name, "me"]),
  );
  await ask(forged);
  const claims = { realm: { level: 7 }, admin: true, groups: ["a"], evil: "a\r\nx-admin: 2" };
  await bearer(claims);
  const [bare, full] = seen;
  for (const name of Object.keys(forged)) assert.equal(bare?.headers[name], undefined, name);
  assert.deepEqual(
    ["x-sub", "x-level", "x-admin", "x-list", "x-evil"].map((name) => full?.headers[name]),
    ["jo", "7", "true", undefined, undefined],
  );
  const payload = Buffer.from(String(full?.headers["x-payload"]), "base64url").toString();
  assert.deepEqual(JSON.parse(payload).realm, { level: 7 });
  // What a token has written is what rules see.
  const byHeader = { when: [{ key: "request.headers[x-sub]", values: ["jo"] }] };
  obey(workload, {
    requestAuthentication: logins({ claimHeaders }),
    authorization: [authorizationPolicy("ALLOW", [byHeader])],
  });
  assert.equal((await bearer()).status, 200);
  assert.equal((await ask({ "x-sub": "jo" })).status, 403);
});

test("a claim that makes the head too large for any app is answered with 431, and the next request is served", async (t) => {
  const claimHeaders = [{ header: "x-long", claim: "long" }];
  const { bearer, ask, seen } = await start(t, logins({ claimHeaders, payloadHeader: "x-all" }));
  const answer = await bearer({ long: "x".repeat(2_000) });
  assert.equal(answer.status, 200);
  const many = Object.fromEntries(Array.from({ length: 97 }, (_, n) => [`x-${n}`, "1"]));
  const text = await token({ long: "y" });
  const full = await ask({ ...many, authorization: `Bearer ${text}` });
  assert.equal(full.status, 431, full.body.toString());
  assert.equal((await bearer()).status, 200);
  assert.equal(seen.length, 2);
});

test("a policy may ask for claims, audiences and presenter", async (t) => {
  const { workload, bearer, ask } = await start(t, logins({}));
  const claims = { scope: "read write", aud: "shop", azp: "web", realm: { roles: ["admin"] } };
  const cases: [key: string, value: string, isAllowed: boolean][] = [
    ["request.auth.claims[scope]", "write", true],
    ["request.auth.claims[scope]", "read write", false],
    ["request.auth.claims[realm][roles]", "admin", true],
    ["request.auth.claims[realm][roles]", "owner", false],
    ["request.auth.audiences", "shop", true],
    ["request.auth.presenter", "web", true],
    ["request.auth.principal", `${ISSUER}/jo`, true],
    ["request.auth.principal", `${ISSUER}/al`, false],
  ];
  for (const [key, value, isAllowed] of cases) {
    const policy = authorizationPolicy("ALLOW", [{ when: [{ key, values: [value] }] }]);
    obey(workload, { requestAuthentication: logins({}), authorization: [policy] });
    const answer = await bearer(claims);
    assert.equal(answer.status, isAllowed ? 200 : 403, `${key} ${value}`);
    assert.equal((await ask()).status, 403);
    assert.doesNotMatch(answer.body.toString(), /write|owner|https:\/\/issuer/);
  }
});

test("of several rules one that is met is enough, and a bad token needs one that is", async (t) => {
  const second = { issuer: "https://two.example", jwks: jwksOf(others, "two") };
  const { bearer, ask } = await start(t, [...logins({}), ...logins(second)]);
  assert.equal((await bearer()).status, 200);
  assert.equal((await bearer({ iss: second.issuer }, others, "two")).status, 200);
  assert.equal((await bearer({ iss: second.issuer }, keys, "one")).status, 401);
  assert.equal((await bearer({ iss: "https://three.example" })).status, 401);
  assert.equal((await ask()).status, 200);
});

test("two tokens at one rule's places must both be good", async (t) => {
  const { ask } = await start(t, logins({}));
  const good = await token();
  const bad = await token({}, others);
  const both = (one: string, two: string) =>
    ask({ authorization: `Bearer ${one}` }, `/?access_token=${two}`);
  assert.equal((await both(good, bad)).status, 401);
  assert.equal((await both(bad, good)).status, 401);
  assert.equal((await both(good, good)).status, 200);
});

test("a browser's preflight passes without a token, even where one is required", async (t) => {
  const { ask } = await start(t, logins({ isRequired: true }));
  const preflight = { origin: "https://a.example", "access-control-request-method": "GET" };
  assert.equal((await ask(preflight, "/", "OPTIONS")).status, 200);
  assert.equal((await ask({ origin: "https://a.example" }, "/", "OPTIONS")).status, 401);
});

test("a body that comes while a signature is verified reaches the app, request after request", async (t) => {
  const bodies: string[] = [];
  const echo = await app(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      bodies.push(Buffer.concat(parts).toString());
      response.end("ok");
    });
  });
  const workload = await hosted("reviews", { appPort: echo.port });
  const { port } = await inbound(t, workload, new MemoryRecorder());
  obey(workload, { requestAuthentication: logins({}) });
  const client = new RawClient(t, port);
  // Pipelined: the second head is in the bytes that the first one's verification outlives.
  const post = async (n: number) =>
    `POST /${n} HTTP/1.1\r\nhost: reviews\r\nauthorization: Bearer ${await token({ n })}\r\ncontent-length: 5\r\n\r\nbody${n}`;
  client.send((await post(1)) + (await post(2)) + (await post(3)));
  await client.expect(/(ok[^]*){3}/);
  assert.deepEqual(bodies, ["body1", "body2", "body3"]);
});

test("a change of other rules keeps what is known of tokens, a change of keys does not", async (t) => {
  const { workload, bearer, ask } = await start(t, logins({}));
  const text = { authorization: `Bearer ${await token()}` };
  const verifier = () => workload.policy?.authentication?.rules[0]?.verifier;
  assert.equal((await bearer()).status, 200);
  const before = verifier();
  assert.equal((await ask(text)).status, 200);
  obey(workload, { requestAuthentication: logins({ forwardsToken: true }) });
  assert.equal(verifier(), before);
  obey(workload, { requestAuthentication: logins({ jwks: jwksOf(others, "one") }) });
  assert.notEqual(verifier(), before);
  assert.equal((await ask(text)).status, 401);
});
