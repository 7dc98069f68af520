import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { ControlMessage } from "@heddle/contracts";
import { startDatabase } from "@heddle/testkit";
import { runControlPlane } from "./running-control-plane.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

type Push = Extract<ControlMessage, { type: "push" }>;
const keysOf = (x: string) => JSON.stringify({ keys: [{ kty: "OKP", crv: "Ed25519", x }] });

async function startIssuer(t: TestContext) {
  const issuer = { keys: keysOf("one") as string | undefined, url: "" };
  const server = http.createServer((_request, response) => {
    if (issuer.keys === undefined) response.writeHead(503).end();
    else response.end(issuer.keys);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  issuer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  return issuer;
}

const logins = (url: string) => `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: logins, namespace: shop}
spec: {jwtRules: [{issuer: "https://issuer.test", jwksUri: "${url}"}]}`;

/** The key set of the first rule in a push; `undefined`: the push brings no workload. */
function keysIn({ upserts }: Push): { readonly jwks: string | undefined } | undefined {
  for (const resource of upserts) {
    if (resource.kind !== "workload") continue;
    return { jwks: resource.requestAuthentication?.[0]?.rules[0]?.jwks };
  }
  return undefined;
}

test("proxies get an issuer's keys with the document that names it, and keep them over a restart while it is down", async (t) => {
  const issuer = await startIssuer(t);
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const hello = { workloads: [registration(joined.proxyId, "reviews-v1")] };
  const client = await StreamClient.open(t, plane.controlPort, joined, hello);
  await client.next("push");
  const { body } = await plane.apply(logins(issuer.url));
  assert.deepEqual(body.warnings, []);
  const push = await client.next("push", (one) => keysIn(one) !== undefined);
  assert.deepEqual(keysIn(push), { jwks: keysOf("one") });
  issuer.keys = undefined;
  client.terminate();
  await plane.restart();
  const after = await StreamClient.open(t, plane.controlPort, joined, hello);
  assert.deepEqual(keysIn(await after.next("push")), { jwks: keysOf("one") });
});

test("keys that could not be had are warned of, and pushed when they come", async (t) => {
  const issuer = await startIssuer(t);
  issuer.keys = undefined;
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const hello = { workloads: [registration(joined.proxyId, "reviews-v1")] };
  const client = await StreamClient.open(t, plane.controlPort, joined, hello);
  await client.next("push");
  const { body } = await plane.apply(logins(issuer.url));
  assert.match(body.warnings.join(), /logins: its keys could not be fetched.*it answers 503/);
  const without = await client.next("push", (one) => keysIn(one) !== undefined);
  assert.deepEqual(keysIn(without), { jwks: undefined });
  issuer.keys = keysOf("late");
  const late = await client.next("push", (one) => keysIn(one)?.jwks !== undefined);
  assert.deepEqual(keysIn(late), { jwks: keysOf("late") });
});
