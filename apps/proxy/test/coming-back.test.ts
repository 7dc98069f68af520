import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  CertificatesResponse,
  IdentityResponse,
  ProxiesResponse,
  RotationsResponse,
  TokensResponse,
} from "@heddle/contracts";
import { type Mesh, startMesh, waitFor } from "@heddle/testkit";

const SLOW_MS = 90_000;
const CONFIG = {
  name: "host-a",
  workloads: [{ namespace: "shop", service: "reviews", version: "v1" }],
};

async function connected(mesh: Mesh): Promise<string> {
  return waitFor("the proxy is connected", SLOW_MS, async () => {
    const { body } = await mesh.call<ProxiesResponse>("GET", "/proxies");
    return body.proxies.find((one) => one.connected && one.sync === "SYNCED")?.proxyId;
  });
}

async function inUse(mesh: Mesh, proxyId: string) {
  const { body } = await mesh.call<CertificatesResponse>(
    "GET",
    `/certificates?proxyId=${proxyId}&inUse=true`,
  );
  return body.certificates;
}

/** A mesh with one proxy that holds its certificates, and then is killed. */
async function setUp(t: TestContext) {
  const mesh = await startMesh(t);
  const proxy = await mesh.startProxy("shop", CONFIG);
  const proxyId = await connected(mesh);
  await waitFor("its certificates", SLOW_MS, async () => {
    return (await inUse(mesh, proxyId)).length === 2;
  });
  proxy.child.kill("SIGKILL");
  await waitFor("its end", SLOW_MS, () => proxy.child.signalCode !== null);
  return { mesh, proxyId };
}

async function signer(mesh: Mesh): Promise<number | undefined> {
  const { body } = await mesh.call<IdentityResponse>("GET", "/identity");
  return body.authorities.find(({ role, state }) => role === "intermediate" && state === "signing")
    ?.id;
}

/** All it uses is of the authority that signs now. */
async function untilRenewed(mesh: Mesh, proxyId: string): Promise<void> {
  const issuerId = await signer(mesh);
  await waitFor("new certificates", SLOW_MS, async () => {
    const certificates = await inUse(mesh, proxyId);
    return certificates.length === 2 && certificates.every((one) => one.issuerId === issuerId);
  });
}

test("a proxy that was away for a whole root rotation comes back by what it has, without a token", async (t) => {
  const { mesh, proxyId } = await setUp(t);
  await mesh.call("POST", "/identity/rotations", { of: "root" });
  await waitFor("the rotation's end", SLOW_MS, async () => {
    const { body } = await mesh.call<RotationsResponse>("GET", "/identity/rotations");
    if (body.current) await mesh.call("POST", "/identity/rotations/advance", { force: true });
    return body.current === undefined && body.past[0]?.step === "done";
  });
  await mesh.startProxy("shop", CONFIG);
  assert.equal(await connected(mesh), proxyId);
  await untilRenewed(mesh, proxyId);
  const { body } = await mesh.call<TokensResponse>("GET", "/tokens");
  assert.deepEqual(
    body.tokens.map(({ usesLeft }) => usesLeft),
    [1, 0],
  );
});

test("a proxy whose root is gone joins again by a new token, and is the same proxy", async (t) => {
  const { mesh, proxyId } = await setUp(t);
  const { status } = await mesh.call("POST", "/identity/rescue", { force: true });
  assert.equal(status, 200);
  await mesh.startProxy("shop", CONFIG);
  assert.equal(await connected(mesh), proxyId);
  await untilRenewed(mesh, proxyId);
  const { body } = await mesh.call<TokensResponse>("GET", "/tokens");
  assert.deepEqual(
    body.tokens.map(({ usesLeft }) => usesLeft),
    [0, 0],
  );
});
