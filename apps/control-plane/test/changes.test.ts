import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  ApplyResponse,
  Problem,
  ProxiesResponse,
  ResourcesResponse,
  RevisionDetail,
  RevisionsResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { commitRevision, openConfigDb } from "@heddle/store";
import { startDatabase, startDatabaseServer, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

const reviews = documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 90, v2: 10 }));

async function yamlOf(plane: RunningControlPlane): Promise<Record<string, string>> {
  const { body } = await plane.call<ResourcesResponse>("GET", "/resources");
  return Object.fromEntries(body.resources.map((one) => [`${one.kind}/${one.name}`, one.yaml]));
}

test("faulty documents change nothing, and every fault is named", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await plane.apply(reviews);
  const before = await yamlOf(plane);
  const { status, body } = await plane.apply<Problem>(
    documents(split("reviews", { v1: 50, v2: 50 }), split("ratings", { v1: -1, v2: 2 })),
  );
  assert.equal(status, 422);
  assert.equal(body.code, "HEDDLE_BAD_DOCUMENT");
  assert.deepEqual(body.errors, [
    {
      field: "document 2 (VirtualService shop/ratings): spec.http[0].route[0].weight",
      message: "Invalid value: -1; expected 0 or more (a whole weight)",
    },
  ]);
  assert.deepEqual(await yamlOf(plane), before);
  const { body: history } = await plane.call<RevisionsResponse>("GET", "/revisions");
  assert.equal(history.revisions.length, 1);
});

/** A proxy that serves these workloads. */
async function host(t: TestContext, plane: RunningControlPlane, ...names: string[]): Promise<void> {
  const joined = await join(plane.controlPort, await plane.joinToken());
  const workloads = names.map((name) => registration(joined.proxyId, name));
  const client = await StreamClient.open(t, plane.controlPort, joined, { workloads });
  await client.next("push");
}

const refusedTogether: Record<string, { yaml: string; message: RegExp }> = {
  "a second VirtualService for a host": {
    yaml: split("reviews", { v1: 1, v2: 1 }, "reviews-b"),
    message: /shop\/reviews is routed by VirtualService shop\/reviews already/,
  },
  "a route to a subset nobody names": {
    yaml: split("reviews", { v1: 1, v9: 1 }),
    message: /is "v9"; subsets of shop\/reviews \(from its DestinationRule\): v1, v2/,
  },
  "taking away a subset that a route uses": {
    yaml: subsets("reviews", "v1"),
    message: /is "v2"; subsets of shop\/reviews \(from its DestinationRule\): v1$/,
  },
};
for (const [what, { yaml, message }] of Object.entries(refusedTogether)) {
  test(`${what} is refused`, async (t) => {
    const plane = await runControlPlane(t, (await startDatabase(t)).url);
    await host(t, plane, "reviews-v1", "reviews-v2");
    await plane.apply(reviews);
    const { status, body } = await plane.apply<Problem>(yaml);
    assert.equal(status, 422);
    assert.match(body.errors?.[0]?.message ?? "", message);
  });
}

test("a revision says who, why and what in words and as a diff", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await plane.apply(reviews, { reason: "first canary", source: "cli" });
  await plane.apply(split("reviews", { v1: 70, v2: 30 }));
  const { body: page } = await plane.call<RevisionsResponse>(
    "GET",
    "/revisions?limit=1&service=shop/reviews",
  );
  assert.equal(page.revisions[0]?.summary, "reviews v2 to 30 %");
  assert.equal(page.nextBefore, 2);
  const { body: first } = await plane.call<RevisionDetail>("GET", "/revisions/1");
  assert.deepEqual(
    [first.author, first.source, first.reason, first.services, first.kind],
    ["ada", "cli", "first canary", ["shop/reviews"], "apply"],
  );
  const { body: second } = await plane.call<RevisionDetail>("GET", "/revisions/2");
  assert.match(
    second.changes[0]?.diff ?? "",
    /^@@ .*\n(.*\n)*-.*weight: 90.*\n(.*\n)*\+.*weight: 70/,
  );
  await waitFor("the propagation is recorded", 5000, async () => {
    const { body } = await plane.call<RevisionDetail>("GET", "/revisions/2");
    return body.propagation?.proxiesTotal === 0;
  });
  const again = await plane.apply(split("reviews", { v1: 70, v2: 30 }));
  assert.deepEqual([again.body.revision, again.body.changes], [0, []]);
});

test("a dry run tells what would change and changes nothing", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const { body } = await plane.apply(reviews, { dryRun: true });
  assert.equal(body.revision, 0);
  assert.deepEqual(
    body.changes.map(({ action }) => action),
    ["created", "created"],
  );
  const codes = body.findings?.map(({ code }) => code) ?? [];
  assert.ok(codes.includes("IST0174"), codes.join(", "));
  assert.doesNotMatch(body.warnings.join(), /is in the mesh yet/, "a finding says it");
  assert.deepEqual(await yamlOf(plane), {});
});

test("who changes what has moved on since they read it is told so", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await plane.apply(reviews);
  await plane.apply(split("reviews", { v1: 80, v2: 20 }));
  const name = { kind: "VirtualService", namespace: "shop", name: "reviews" };
  const expecting = (revision: number) =>
    plane.apply<ApplyResponse & Problem>(split("reviews", { v1: 10, v2: 90 }), {
      expected: [{ ...name, revision }],
    });
  const stale = await expecting(1);
  assert.equal(stale.status, 409);
  assert.equal(stale.body.errors?.[0]?.message, "is at revision 2, expected 1");
  assert.equal((await expecting(2)).status, 200);
});

test("changes that come at once each become a revision, none is lost", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const names = Array.from({ length: 20 }, (_, index) => `service-${index}`);
  const answers = await Promise.all(names.map((name) => plane.apply(subsets(name, "v1"))));
  const revisions = answers.map(({ body }) => body.revision).sort((a, b) => a - b);
  assert.deepEqual(
    revisions,
    names.map((_, index) => index + 1),
  );
  assert.equal(Object.keys(await yamlOf(plane)).length, 20);
});

test("restoring a revision brings every document back as it stood, as a new revision", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await plane.apply(documents(reviews, subsets("ratings", "v1")));
  const then = await yamlOf(plane);
  await plane.apply(documents(split("reviews", { v1: 0, v2: 100 }), subsets("payments", "v1")));
  const gone = await plane.call("DELETE", "/resources/DestinationRule/shop/ratings?reason=unused");
  assert.equal(gone.status, 200);
  const dry = await plane.call<ApplyResponse>("POST", "/revisions/1/restore", { dryRun: true });
  assert.deepEqual(dry.body.changes.map(({ name, action }) => `${name} ${action}`).sort(), [
    "payments deleted",
    "ratings created",
    "reviews updated",
  ]);
  const { body } = await plane.call<ApplyResponse>("POST", "/revisions/1/restore", {});
  assert.equal(body.revision, 4);
  assert.deepEqual(await yamlOf(plane), then);
  const { body: detail } = await plane.call<RevisionDetail>("GET", "/revisions/4");
  assert.deepEqual(
    [detail.summary, detail.kind, detail.restoredRevision],
    ["Restored revision 1", "restore", 1],
  );
  assert.equal((await plane.call("POST", "/revisions/99/restore", {})).status, 404);
});

test("a workload's mode is set and taken back with one document", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const client = await StreamClient.open(t, plane.controlPort, joined, {
    workloads: [
      registration(joined.proxyId, "shipping-v3"),
      registration(joined.proxyId, "shipping-v2"),
    ],
  });
  await client.next("push");
  const strict = await plane.call<ApplyResponse>("PUT", "/mtls/shop/shipping-v3", {
    mode: "STRICT",
  });
  assert.equal(strict.status, 200);
  assert.equal(strict.body.propagation?.proxiesAcked, 1);
  const push = await client.next("push", ({ upserts }) => upserts.length > 0);
  assert.deepEqual(
    push.upserts.map((one) => one.kind === "workload" && [one.key, one.mtlsMode]),
    [["workload/shop/shipping-v3", "STRICT"]],
  );
  const { body } = await plane.call<WorkloadsResponse>("GET", "/workloads");
  assert.deepEqual(
    body.workloads.map(({ name, mtlsMode, mtlsPolicy }) => [name, mtlsMode, mtlsPolicy]),
    [
      ["shipping-v2", "PERMISSIVE", undefined],
      ["shipping-v3", "STRICT", "shop/shipping-v3"],
    ],
  );
  const back = { mode: "PERMISSIVE" };
  await plane.call("PUT", "/mtls/shop/shipping-v3", back);
  assert.deepEqual(Object.keys(await yamlOf(plane)), ["PeerAuthentication/shipping-v3"]);
  const { body: history } = await plane.call<RevisionsResponse>("GET", "/revisions");
  assert.deepEqual(
    history.revisions.map(({ summary, services }) => [summary, services]),
    [
      ["shipping-v3 set to PERMISSIVE", ["shop/shipping"]],
      ["shipping-v3 set to STRICT", ["shop/shipping"]],
    ],
  );
  assert.equal((await plane.call("PUT", "/mtls/shop/nobody", back)).status, 404);
  const faulty = await plane.call("PUT", "/mtls/shop/shipping-v3", { mode: "strict" });
  assert.equal(faulty.status, 400);
  assert.equal(faulty.body.errors?.[0]?.field, "mode");
});

test("an older policy over more workloads is not silently lost to", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const workloads = [registration(joined.proxyId, "shipping-v3")];
  await (await StreamClient.open(t, plane.controlPort, joined, { workloads })).next("push");
  await plane.apply(
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: all-shipping, namespace: shop}\nspec: {selector: {matchLabels: {app: shipping}}, mtls: {mode: PERMISSIVE}}",
  );
  const answer = await plane.call("PUT", "/mtls/shop/shipping-v3", { mode: "STRICT" });
  assert.equal(answer.status, 409);
  assert.match(
    answer.body.detail,
    /PeerAuthentication shop\/all-shipping selects shop\/shipping-v3/,
  );
});

test("a stored document that is refused today is left out, and can be replaced", async (t) => {
  const database = await startDatabase(t);
  const plane = await runControlPlane(t, database.url);
  await plane.apply(subsets("reviews", "v1"));
  await plane.apply(subsets("ratings", "v1"));
  const db = openConfigDb(database.url, () => undefined);
  const ref = { kind: "DestinationRule", namespace: "shop", name: "reviews" };
  const [revision] = (await plane.call<RevisionsResponse>("GET", "/revisions")).body.revisions;
  assert.ok(revision);
  const none = { reason: undefined, restoredRevision: undefined };
  const written = { ...revision, ...none, baseRevision: 2, replicaId: "elsewhere" };
  await commitRevision(db, written, [
    { ...ref, before: "", after: "kind: Nonsense", expectedRevision: 1, createdAtMs: 1 },
  ]);
  await db.close();
  await plane.restart();
  assert.deepEqual(Object.keys(await yamlOf(plane)), ["DestinationRule/ratings"]);
  const { status, body } = await plane.apply(subsets("reviews", "v1", "v2"));
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.revision, 4);
});

test("streams and reading outlive the database; changes wait for it and then work", async (t) => {
  const database = await startDatabaseServer(t);
  const plane = await runControlPlane(t, database.url);
  const token = await plane.joinToken();
  const joined = await join(plane.controlPort, token);
  const hello = {
    workloads: [registration(joined.proxyId, "reviews-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  };
  const client = await StreamClient.open(t, plane.controlPort, joined, hello);
  await client.next("push", ({ upserts }) => upserts.length > 0);
  process.kill(database.pid, "SIGKILL");
  await waitFor("changes are refused", 10_000, async () => {
    const { status, body } = await plane.apply<Problem>(reviews);
    return status === 503 && body.code === "HEDDLE_DATABASE_UNAVAILABLE" && body;
  });
  assert.equal((await plane.call("GET", "/revisions")).status, 503);
  assert.equal((await plane.call("GET", "/resources")).status, 200);
  assert.equal(client.closeCode, undefined);
  client.terminate();
  const again = await StreamClient.open(t, plane.controlPort, joined, hello);
  assert.equal((await again.next("push")).upserts.length, 4); // workload, service, endpoints, trust
  await database.restart();
  const applied = await waitFor("changes work again", 15_000, async () => {
    const answer = await plane.apply(reviews);
    return answer.status === 200 && answer.body;
  });
  assert.equal(applied.propagation?.proxiesAcked, 1);
  const { body } = await plane.call<ProxiesResponse>("GET", "/proxies");
  assert.equal(body.proxies[0]?.ackedRevision, applied.revision);
});
