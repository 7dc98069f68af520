import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, sign, X509Certificate } from "node:crypto";
import { test } from "node:test";
import {
  type CertificatesResponse,
  type IdentityResponse,
  type Problem,
  type RotationsResponse,
  type StatusResponse,
  serverNameOfRoot,
  TRUST_KEY,
  type TrustResource,
} from "@heddle/contracts";
import { openConfigDb } from "@heddle/store";
import { startDatabase, waitFor } from "@heddle/testkit";
import { sealKey } from "../src/certificates/seal-key.ts";
import { makeRoot } from "../src/certificates/sign-certificate.ts";
import { splitPem } from "../src/snapshot/mesh-trust.ts";
import { RotatingProxy } from "./rotating-proxy.ts";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { fetchRoot, join, makeCsr, postJoin, registration, StreamClient } from "./stream-client.ts";

const CA_SECRET = "ca-secret-of-the-tests-0123456789ab";
const SLOW_MS = 60_000;

async function identityOf(plane: RunningControlPlane): Promise<IdentityResponse> {
  return (await plane.call<IdentityResponse>("GET", "/identity")).body;
}

async function untilSerial(
  plane: RunningControlPlane,
  query: string,
): Promise<CertificatesResponse> {
  return waitFor(`certificates ${query}`, SLOW_MS, async () => {
    const { body } = await plane.call<CertificatesResponse>("GET", `/certificates?${query}`);
    return body.total > 0 ? body : undefined;
  });
}

test("a mesh whose root signed every leaf itself goes on with an intermediate under the same root", async (t) => {
  const { url } = await startDatabase(t);
  const first = await runControlPlane(t, url);
  const root = await makeRoot("cluster.local", 86_400_000);
  await first.close();
  const db = openConfigDb(url, () => {});
  const sealed = Uint8Array.from(sealKey(root.privateKey, CA_SECRET));
  await db.prisma.$executeRaw`DELETE FROM certificate_authority`;
  await db.prisma.$executeRaw`
    INSERT INTO certificate_authority (id, certificate_pem, encrypted_key)
    VALUES (1, ${root.certificatePem}, ${sealed})`;
  await db.prisma.$queryRaw`
    SELECT setval(pg_get_serial_sequence('certificate_authority', 'id'), 1)::text`;
  await db.close();
  const plane = await runControlPlane(t, url);
  const { authorities } = await identityOf(plane);
  assert.deepEqual(
    authorities.map(({ role, state }) => `${role} ${state}`),
    ["root signing", "intermediate signing"],
  );
  const joined = await join(plane.controlPort, await plane.joinToken());
  assert.equal(joined.rootPem.trim(), root.certificatePem.trim());
  assert.equal(splitPem(joined.certPem).length, 2);
});

test("no leaf outlives who signed it, and a leaf of a minute does not begin half over", async (t) => {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url, {
    certificateTtlSeconds: 60,
    caIntermediateTtlSeconds: 3600,
  });
  const joined = await join(plane.controlPort, await plane.joinToken());
  const { validFromDate, validToDate } = new X509Certificate(joined.certPem);
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  assert.ok(lifeMs >= 60_000 && lifeMs <= 71_000, `${lifeMs}`);
  await plane.close();
  const longer = await runControlPlane(t, url, { certificateTtlSeconds: 7200 });
  const again = await join(longer.controlPort, await longer.joinToken());
  const [leaf, intermediate] = splitPem(again.certPem).map((pem) => new X509Certificate(pem));
  assert.equal(leaf?.validTo, intermediate?.validTo);
});

test("a root that has ended is replaced at the start, and a proxy comes back under its id by a new token", async (t) => {
  const { url } = await startDatabase(t);
  const short = await runControlPlane(t, url, {
    caRootTtlSeconds: 6,
    caIntermediateTtlSeconds: 6,
    certificateTtlSeconds: 60,
  });
  const oldToken = await short.joinToken();
  const pinned = oldToken.split(".").at(-1) ?? "";
  const own = await join(short.controlPort, oldToken);
  await short.close();
  await waitFor("the root's end", SLOW_MS, () => {
    const ends = splitPem(own.rootPem).map((pem) => new X509Certificate(pem).validToDate.getTime());
    return Date.now() > Math.max(...ends);
  });
  const plane = await runControlPlane(t, url);
  const { authorities, alarms } = await identityOf(plane);
  assert.deepEqual(
    authorities.filter(({ state }) => state === "signing").map(({ role }) => role),
    ["root", "intermediate"],
  );
  assert.deepEqual(alarms, []);
  assert.notEqual((await fetchRoot(plane.controlPort, pinned)).hash, pinned);
  const { csrPem } = await makeCsr();
  const key = createPrivateKey(own.keyPem);
  const previous = {
    proxyId: own.proxyId,
    publicKeyPem: createPublicKey(key).export({ type: "spki", format: "pem" }),
    signature: sign("sha256", Buffer.from(csrPem), key).toString("base64"),
  };
  const token = await plane.joinToken();
  const back = await postJoin(plane.controlPort, { token, csrPem, proxyName: "host-a", previous });
  assert.deepEqual([back.status, back.body.proxyId], [200, own.proxyId]);
  // the same words with another request are somebody else's
  const stolen = await postJoin(plane.controlPort, {
    token,
    csrPem: (await makeCsr()).csrPem,
    proxyName: "host-b",
    previous,
  });
  assert.equal(stolen.status, 200);
  assert.notEqual(stolen.body.proxyId, own.proxyId);
});

test("a rescue is refused while the root is good, and forced it brings connected proxies along", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await RotatingProxy.join(
    t,
    plane.controlPort,
    await plane.joinToken(),
    "reviews-v1",
  );
  await waitFor("certificates", SLOW_MS, () => proxy.held.size === 2);
  const before = proxy.believedRoots;
  const refused = await plane.call("POST", "/identity/rescue", {});
  assert.deepEqual([refused.status, refused.body.code], [409, "HEDDLE_AUTHORITY_CONFLICT"]);
  const forced = await plane.call("POST", "/identity/rescue", { force: true });
  assert.equal(forced.status, 200);
  await waitFor("new certificates", SLOW_MS, () => {
    const isNew = proxy.believedRoots.join() !== before.join();
    return isNew && proxy.isBelievedBy(proxy);
  });
});

test("an intermediate gives way at half of its life and a root in its last fifth, without anybody's asking", async (t) => {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url, {
    caRootTtlSeconds: 3600,
    caIntermediateTtlSeconds: 8,
  });
  const past = await waitFor("a rotation that was due", SLOW_MS, async () => {
    const { body } = await plane.call<RotationsResponse>("GET", "/identity/rotations");
    return body.past[0];
  });
  assert.deepEqual([past.of, past.startedBy, past.step], ["intermediate", "heddle", "done"]);
  await plane.close();
  const aged = await runControlPlane(t, (await startDatabase(t)).url, {
    caRootTtlSeconds: 10,
    caIntermediateTtlSeconds: 10,
  });
  await waitFor("the root's rotation", SLOW_MS, async () => {
    const { body } = await aged.call<RotationsResponse>("GET", "/identity/rotations");
    return [body.current, ...body.past].some((one) => one?.of === "root");
  });
});

test("a revoked certificate is told to every proxy at once, and its holder gets another", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const token = await plane.joinToken();
  const victim = await RotatingProxy.join(t, plane.controlPort, token, "reviews-v1");
  const other = await StreamClient.open(t, plane.controlPort, await join(plane.controlPort, token));
  const { certificates } = await untilSerial(plane, "workload=shop/reviews-v1&inUse=true");
  const serialNumber = certificates[0]?.serialNumber ?? "";
  const revoked = await plane.call("POST", "/certificates/revocations", {
    serialNumber,
    reason: "the key was copied",
  });
  assert.deepEqual(revoked.body, { certificatesRevoked: 1, proxiesDisconnected: 0 } as never);
  const told = await other.next("push", ({ upserts }) =>
    upserts.some((one) => one.key === TRUST_KEY && (one as TrustResource).revoked.length === 1),
  );
  const trust = told.upserts.find(({ key }) => key === TRUST_KEY) as TrustResource;
  assert.equal(trust.revoked[0]?.serialNumber, serialNumber);
  await waitFor("another certificate", SLOW_MS, () => {
    const held = new X509Certificate(victim.held.get("reviews-v1") ?? "");
    return held.serialNumber.toLowerCase() !== serialNumber;
  });
  const listed = await untilSerial(plane, "workload=shop/reviews-v1&inUse=false");
  assert.equal(listed.certificates[0]?.revoked?.reason, "the key was copied");
});

test("a proxy that is put out loses its stream, and neither its certificate nor its key brings it back", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const token = await plane.joinToken();
  const joined = await join(plane.controlPort, token);
  const client = await StreamClient.open(t, plane.controlPort, joined, {
    workloads: [registration(joined.proxyId, "reviews-v1")],
  });
  await client.next("push");
  const answer = await plane.call("POST", "/certificates/revocations", {
    proxyId: joined.proxyId,
    reason: "stolen host",
  });
  assert.deepEqual(answer.body, { certificatesRevoked: 1, proxiesDisconnected: 1 } as never);
  assert.equal(await client.closed(), 1008);
  await assert.rejects(StreamClient.open(t, plane.controlPort, joined), /403/);
  await plane.restart();
  await assert.rejects(StreamClient.open(t, plane.controlPort, joined), /403/);
});

test("a revoked join token lets nobody in, and with disconnect those who came by it go", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const token = await plane.joinToken({ maxUses: 3 });
  const id = token.split(".")[1] ?? "";
  const joined = await join(plane.controlPort, token);
  const client = await StreamClient.open(t, plane.controlPort, joined);
  await client.next("push");
  const { body } = await plane.call<{ tokens: { id: string; state: string; usesLeft: number }[] }>(
    "GET",
    "/tokens",
  );
  assert.deepEqual(
    body.tokens.map(({ state, usesLeft }) => [state, usesLeft]),
    [["usable", 2]],
  );
  assert.ok(!JSON.stringify(body).includes(token.split(".")[2] ?? "?"));
  const first = await plane.call("DELETE", `/tokens/${id}`);
  assert.equal(first.status, 200);
  assert.equal(client.closeCode, undefined);
  const { csrPem } = await makeCsr();
  const late = await postJoin(plane.controlPort, { token, csrPem, proxyName: "late" });
  assert.deepEqual([late.status, late.body.code], [401, "HEDDLE_JOIN_TOKEN_REVOKED"]);
  const second = await plane.call("DELETE", `/tokens/${id}?disconnect=true`);
  assert.deepEqual(second.body, { id, proxiesDisconnected: 1, certificatesRevoked: 1 } as never);
  assert.equal(await client.closed(), 1008);
  assert.equal((await plane.call("DELETE", "/tokens/nothing")).status, 404);
});

test("a proxy of another root is not let in by its own certificate, whatever its name", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const foreign = await runControlPlane(t, (await startDatabase(t)).url);
  const stranger = await join(foreign.controlPort, await foreign.joinToken());
  const hash = createHash("sha256").update(new X509Certificate(joined.rootPem).raw).digest("hex");
  const mixed = { ...stranger, proxyId: joined.proxyId, rootPem: joined.rootPem };
  await assert.rejects(
    StreamClient.open(t, plane.controlPort, mixed, {}, serverNameOfRoot(hash)),
    /401/,
  );
});

test("aliases and the roots of other domains reach every proxy by MeshConfig, a faulty root is refused", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const client = await StreamClient.open(
    t,
    plane.controlPort,
    await join(plane.controlPort, await plane.joinToken()),
  );
  const { certificatePem } = await makeRoot("partner.example", 86_400_000);
  const meshConfig = (pem: string) => `apiVersion: heddle.dev/v1
kind: MeshConfig
metadata: { name: mesh, namespace: istio-system }
spec:
  trustDomainAliases: [old.example]
  caCertificates:
    - trustDomains: [partner.example]
      pem: |
${pem.replace(/^/gm, "        ")}
`;
  const faulty = await plane.apply<Problem>(meshConfig("no certificate"));
  assert.equal(faulty.status, 422);
  assert.match(faulty.body.errors?.[0]?.field ?? "", /caCertificates/);
  assert.equal((await plane.apply(meshConfig(certificatePem))).status, 200);
  const push = await client.next("push", ({ upserts }) =>
    upserts.some((one) => one.key === TRUST_KEY && (one as TrustResource).bundles.length === 2),
  );
  const trust = push.upserts.find(({ key }) => key === TRUST_KEY) as TrustResource;
  assert.deepEqual(trust.trustDomainAliases, ["old.example"]);
  assert.deepEqual(
    trust.bundles.map(({ trustDomain }) => trustDomain),
    ["cluster.local", "partner.example"],
  );
  const { foreignBundles } = await identityOf(plane);
  assert.equal(foreignBundles[0]?.trustDomain, "partner.example");
  const { body } = await plane.call<StatusResponse>("GET", "/status");
  assert.equal(body.trustDomain, "cluster.local");
});
