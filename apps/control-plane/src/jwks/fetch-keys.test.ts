import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { BlockedAddresses } from "./blocked-addresses.ts";
import { FetchFailedError } from "./fetch-json.ts";
import { fetchKeys } from "./fetch-keys.ts";

const KEYS = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}';
const NONE = new BlockedAddresses([]);

async function publish(t: TestContext, answer: http.RequestListener): Promise<string> {
  const server = http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function keysAt(url: string, timeoutMs = 5_000, blocked = NONE): Promise<string> {
  return fetchKeys({ kind: "jwks", url, timeoutMs }, blocked);
}

async function failureOf(fetching: Promise<string>): Promise<string> {
  try {
    await fetching;
  } catch (error) {
    assert.ok(error instanceof FetchFailedError, String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: "the fetch has succeeded" });
}

test("keys are fetched by their URL, and by discovery from an issuer", async (t) => {
  const base = await publish(t, ({ url }, response) => {
    if (url === "/a/.well-known/openid-configuration")
      response.end(JSON.stringify({ issuer: "x", jwks_uri: `${base}/keys` }));
    else response.end(url === "/keys" ? KEYS : "{}");
  });
  const keys = JSON.stringify(JSON.parse(KEYS));
  assert.equal(await keysAt(`${base}/keys`), keys);
  const byIssuer = { kind: "issuer" as const, url: `${base}/a/`, timeoutMs: 5_000 };
  assert.equal(await fetchKeys(byIssuer, NONE), keys);
  const failure = await failureOf(fetchKeys({ ...byIssuer, url: "accounts.example" }, NONE));
  assert.match(failure, /an issuer that is no URL publishes no keys/);
});

test("a redirect is followed, but not for ever, nor to another scheme", async (t) => {
  const base = await publish(t, ({ url = "" }, response) => {
    if (url === "/keys") response.end(KEYS);
    else response.writeHead(302, { location: url === "/once" ? "/keys" : url.slice(1) }).end();
  });
  assert.match(await keysAt(`${base}/once`), /Ed25519/);
  assert.match(await failureOf(keysAt(`${base}/`)), /more than 3 redirects/);
  assert.match(await failureOf(keysAt(`${base}/file:///etc/passwd`)), /scheme file is not http/);
});

test("what is no key set, too long, refused or late is a failure that says so", async (t) => {
  const base = await publish(t, ({ url }, response) => {
    if (url === "/text") response.end("hello");
    else if (url === "/other") response.end('{"keys": 1}');
    else if (url === "/long") response.end("x".repeat(1_048_577));
    else if (url?.startsWith("/missing")) response.writeHead(404).end();
  });
  assert.match(await failureOf(keysAt(`${base}/text`)), /is not a JSON Web Key Set/);
  assert.match(await failureOf(keysAt(`${base}/other`)), /is not a JSON Web Key Set/);
  assert.match(await failureOf(keysAt(`${base}/long`)), /longer than 1048576 bytes/);
  const missing = await failureOf(keysAt(`${base}/missing?api_key=s3cret`));
  assert.match(missing, /\/missing: it answers 404/);
  assert.doesNotMatch(missing, /s3cret/);
  assert.match(await failureOf(keysAt(`${base}/never`, 100)), /no answer within \d+ ms/);
});

test("blocked addresses are not asked, whatever leads there", async (t) => {
  let asked = 0;
  const base = await publish(t, (_request, response) => {
    asked++;
    response.end(KEYS);
  });
  const blocked = new BlockedAddresses(["127.0.0.0/8", "::1/128"]);
  const isBlocked = /keys are not fetched from/;
  assert.match(await failureOf(keysAt(base, 5_000, blocked)), isBlocked);
  assert.match(
    await failureOf(keysAt(base.replace("127.0.0.1", "localhost"), 5_000, blocked)),
    isBlocked,
  );
  assert.equal(asked, 0);
  const redirecting = await publish(t, (_request, response) => {
    response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
  });
  assert.match(await failureOf(keysAt(redirecting)), /169\.254\.169\.254 is an address keys/);
});

const addresses: [address: string, isBlocked: boolean][] = [
  ["169.254.169.254", true],
  ["::ffff:169.254.169.254", true],
  ["fe80::1", true],
  ["fd00:ec2::254", true],
  ["10.1.2.3", true],
  ["11.1.2.3", false],
  ["127.0.0.1", false],
  ["2001:db8::1", false],
];
for (const [address, isBlocked] of addresses) {
  test(`${address} is ${isBlocked ? "blocked" : "allowed"}`, () => {
    assert.equal(new BlockedAddresses(["10.0.0.0/8"]).has(address), isBlocked);
  });
}
