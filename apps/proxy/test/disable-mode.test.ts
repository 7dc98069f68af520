import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { WorkloadResource } from "@heddle/contracts";
import { TestAuthority } from "@heddle/testkit";
import type { FormerModes } from "../src/core/hosted-workload.ts";
import { TurnedAway } from "../src/core/turned-away.ts";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  send,
  service,
  TestMesh,
  type TestWorkload,
} from "./data-path-kit.ts";
import { tell as believe, callAs } from "./support/trust.ts";

const front = { namespace: "shop", workload: "front", service: "front" };
type Changing = TestWorkload & {
  formerModes?: FormerModes | undefined;
  resource?: WorkloadResource | undefined;
};

async function reviews(t: TestContext, mtlsMode: "DISABLE" | "PERMISSIVE" | "STRICT") {
  const headers: Record<string, string | string[] | undefined>[] = [];
  const running = await app(t, (request, response) => {
    headers.push(request.headers);
    response.end("from reviews");
  });
  const workload: Changing = await hosted("reviews", { appPort: running.port });
  workload.mtlsMode = mtlsMode;
  const recorder = new MemoryRecorder();
  const turnedAway = new TurnedAway();
  const { port } = await inbound(t, workload, recorder, undefined, { turnedAway });
  const identity = (await authority()).spiffeId({ ...front, workload: "reviews" });
  const mesh = new TestMesh();
  const tell = (plaintextPorts: number[]) =>
    mesh.apply(service("reviews"), endpoints("reviews", [{ port, identity, plaintextPorts }]));
  return { headers, workload, recorder, turnedAway, port, mesh, tell };
}

function resourceOf(mtlsMode: "DISABLE" | "PERMISSIVE", rest: Partial<WorkloadResource> = {}) {
  const workload = { namespace: "shop", name: "reviews" };
  const head = {
    kind: "workload",
    key: "workload/shop/reviews",
    version: "1",
    revision: 1,
  } as const;
  return { ...head, workload, mtlsMode, ...rest };
}

test("speaks plaintext to a port that ends no TLS, and is known there by its own word", async (t) => {
  const { headers, recorder, mesh, tell } = await reviews(t, "DISABLE");
  tell([80]);
  const callers = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front", { version: "v1" }), mesh, callers);
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  assert.equal(headers[0]?.["x-forwarded-client-cert"], undefined);
  assert.equal(headers[0]?.["x-envoy-peer-metadata-id"], undefined, "no matter of the app's");
  const { labels } = await recorder.find(({ labels }) => labels.reporter === "destination");
  const { workload, namespace, version, principal } = labels.source;
  assert.deepEqual(
    [workload, namespace, version, principal],
    ["front-v1", "shop", "v1", "unknown"],
  );
  assert.deepEqual([labels.security, labels.sourceAddress], ["none", undefined]);
});

test("believes no caller's word where it could prove it", async (t) => {
  const { recorder, port } = await reviews(t, "PERMISSIVE");
  const claim = { "x-envoy-peer-metadata-id": "heddle~shop~front~front~v1" };
  assert.equal((await send(port, { headers: claim })).status, 200);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.source.workload, labels.sourceAddress], ["unknown", "127.0.0.1"]);
});

test("takes TLS of the mesh for bad HTTP, but not while callers may not have heard of it", async (t) => {
  const { workload, port } = await reviews(t, "DISABLE");
  const ours = await authority();
  const call = async () =>
    (await callAs(t, port, await ours.issueWorkload(front), ours.trustBundlePem)).answer;
  assert.equal(await call(), "refused");
  workload.formerModes = { resource: resourceOf("PERMISSIVE"), untilMs: Date.now() + 60_000 };
  assert.equal(await call(), "200");
  workload.formerModes = { resource: resourceOf("DISABLE"), untilMs: Date.now() + 60_000 };
  assert.equal(await call(), "refused");
});

test("switches between plaintext and mTLS with the endpoint, request by request", async (t) => {
  const { headers, mesh, tell } = await reviews(t, "PERMISSIVE");
  tell([]);
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (const ports of [[], [80], [], [80]]) {
    tell(ports);
    assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  }
  const isMutual = headers.map((one) => one["x-forwarded-client-cert"] !== undefined);
  assert.deepEqual(isMutual, [true, false, true, false]);
});

test("counts in a dry run whom STRICT would refuse, request by request, and serves them", async (t) => {
  const { workload, recorder, turnedAway, port, mesh, tell } = await reviews(t, "PERMISSIVE");
  workload.resource = resourceOf("PERMISSIVE", { isStrictDryRun: true });
  tell([]);
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  const open = new RawClient(t, port);
  for (const count of [1, 2]) {
    open.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
    await open.expect(new RegExp(`(from reviews[^]*){${count}}`));
  }
  assert.equal(recorder.refusals.length, 0);
  const [caller, ...others] = turnedAway.all;
  assert.deepEqual(others, []);
  assert.deepEqual(
    [caller?.sourceAddress, caller?.reason, caller?.refused, caller?.wouldBeRefused],
    ["127.0.0.1", "plaintext", 0, 2],
  );
  workload.mtlsMode = "STRICT";
  open.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await open.closed();
  assert.deepEqual([turnedAway.all[0]?.refused, turnedAway.all[0]?.wouldBeRefused], [1, 2]);
});

test("tells why a certificate was not taken", async (t) => {
  const { turnedAway, port, workload } = await reviews(t, "PERMISSIVE");
  const ours = await authority();
  const minuteMs = 60_000;
  const shown = {
    expired: await ours.issueWorkload(front, -minuteMs, 60 * minuteMs),
    "wrong-trust-domain": await ours.issueWorkload({ ...front, trustDomain: "other.example" }),
    revoked: await ours.issueWorkload(front),
    untrusted: await (await TestAuthority.create()).issueWorkload(front),
    "no-certificate": undefined,
  };
  believe(workload.identity, { own: ours, revoked: [shown.revoked] });
  for (const [reason, certificate] of Object.entries(shown)) {
    const { answer } = await callAs(t, port, certificate, ours.trustBundlePem);
    assert.equal(answer, "refused", reason);
  }
  assert.deepEqual(
    new Set(turnedAway.all.map(({ reason, refused }) => `${reason} ${refused}`)),
    new Set(Object.keys(shown).map((reason) => `${reason} 1`)),
  );
});
