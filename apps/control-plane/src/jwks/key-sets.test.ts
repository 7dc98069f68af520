import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createLogger } from "@heddle/runtime";
import { waitFor } from "@heddle/testkit";
import { BlockedAddresses } from "./blocked-addresses.ts";
import { KeySets } from "./key-sets.ts";
import { keyOfSource } from "./key-source.ts";

const keysOf = (x: string) => JSON.stringify({ keys: [{ kty: "OKP", crv: "Ed25519", x }] });

async function start(t: TestContext, refreshMs?: number) {
  const issuer = { keys: keysOf("one") as string | undefined, asked: 0 };
  const server = http.createServer((_request, response) => {
    issuer.asked++;
    if (issuer.keys === undefined) response.writeHead(500).end();
    else response.end(issuer.keys);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const counts = { fetched: 0, failed: 0, changes: 0 };
  const keySets = new KeySets({
    blocked: new BlockedAddresses([]),
    logger: createLogger("test", "silent"),
    onChange: () => counts.changes++,
    count: (outcome) => counts[outcome]++,
    draw: () => 0, // the shortest waits
    ...(refreshMs !== undefined && { refreshMs }),
  });
  t.after(() => {
    keySets.close();
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  return { issuer, keySets, counts, source: { kind: "jwks" as const, url, timeoutMs: 5_000 } };
}

test("keys that are wanted are fetched once for all who want them, and forgotten by the last", async (t) => {
  const { issuer, keySets, counts, source } = await start(t);
  assert.deepEqual(await keySets.prepare([source, { ...source }]), []);
  keySets.want([source]);
  assert.equal(keySets.find(source), keysOf("one"));
  assert.deepEqual([issuer.asked, counts.changes], [1, 1]);
  keySets.want([]);
  assert.equal(keySets.find(source), undefined);
});

test("an issuer that fails is told of, asked again soon, and its keys hold from then on", async (t) => {
  const { issuer, keySets, counts, source } = await start(t);
  issuer.keys = undefined;
  const [warning = ""] = await keySets.prepare([source]);
  assert.match(warning, /its tokens are refused until they are: http.*it answers 500/);
  assert.equal(keySets.find(source), undefined);
  issuer.keys = keysOf("two");
  await waitFor("the keys have come", 20_000, () => keySets.find(source) !== undefined);
  assert.equal(keySets.find(source), keysOf("two"));
  assert.equal(counts.changes, 1);
  assert.ok(counts.failed >= 1);
  assert.equal(keySets.states[0]?.problem, undefined);
});

test("keys are fetched again from time to time, and stay while that fails", async (t) => {
  const { issuer, keySets, counts, source } = await start(t, 20);
  await keySets.prepare([source]);
  issuer.keys = undefined;
  await waitFor("a refresh has failed", 20_000, () => counts.failed > 0);
  assert.equal(keySets.find(source), keysOf("one"));
  issuer.keys = keysOf("two");
  await waitFor("the new keys have come", 20_000, () => keySets.find(source) === keysOf("two"));
  assert.equal(counts.changes, 2);
});

test("keys of an earlier process hold while their issuer does not answer", async (t) => {
  const { issuer, keySets, source } = await start(t);
  issuer.keys = undefined;
  keySets.remember(new Map([[keyOfSource(source), keysOf("old")]]));
  assert.deepEqual(await keySets.prepare([source]), []);
  assert.equal(keySets.find(source), keysOf("old"));
  issuer.keys = keysOf("new");
  await waitFor("the new keys have come", 20_000, () => keySets.find(source) === keysOf("new"));
});
