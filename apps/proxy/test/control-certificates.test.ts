import assert from "node:assert/strict";
import { type AddressInfo, createServer, connect as tcpConnect } from "node:net";
import { type TestContext, test } from "node:test";
import { connect, type SecureContext, TLSSocket } from "node:tls";
import { TestControlPlane, waitFor } from "@heddle/testkit";
import type { WorkloadIdentity } from "../src/core/workload-identity.ts";
import { certificateFault } from "../src/transport/connection.ts";
import { startBrain } from "./support/brain.ts";
import { temporaryFolder } from "./support/proxy-process.ts";

/** Accepts with the identity of the moment, as the inbound listener does. */
async function startMutualTls(t: TestContext, identity: WorkloadIdentity): Promise<number> {
  const server = createServer((socket) => {
    const { serverContext } = identity;
    assert.ok(serverContext);
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: serverContext,
      requestCert: true,
      rejectUnauthorized: true,
    });
    tls.on("error", () => tls.destroy());
    tls.once("secure", () => {
      if (certificateFault(tls)) tls.destroy();
      else tls.end("hello");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function greet(port: number, secureContext: SecureContext | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    assert.ok(secureContext);
    const socket = connect({
      socket: tcpConnect(port, "127.0.0.1"),
      secureContext,
      checkServerIdentity: () => undefined, // names are the data path's business
    });
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", reject);
    socket.on("end", () => resolve(text));
  });
}

test("certificates are replaced at half of their life without a failed handshake", async (t) => {
  const control = await TestControlPlane.start(t, { certificateTtlMs: 20_000 });
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  const identity = brain.workloads[0]?.identity;
  assert.ok(identity);
  const port = await startMutualTls(t, identity);
  const deadline = performance.now() + 60_000;
  let handshakes = 0;
  while (identity.generation < 2 && performance.now() < deadline) {
    assert.equal(await greet(port, identity.clientContext), "hello");
    handshakes += 1;
  }
  assert.ok(identity.generation >= 2, `generation ${identity.generation}`);
  assert.ok(handshakes > 5, `${handshakes} handshakes`);
});

test("the key stays in the proxy: the control plane only ever sees requests for certificates", async (t) => {
  const control = await TestControlPlane.start(t);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  assert.doesNotMatch(JSON.stringify(control.received), /PRIVATE KEY/);
  assert.equal(brain.workloads[0]?.identity.spiffeId, "spiffe://cluster.local/ns/shop/sa/caller");
});

test("a certificate for another key is not taken, and the old one stays in use", async (t) => {
  const control = await TestControlPlane.start(t);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  const identity = brain.workloads[0]?.identity;
  const foreign = await control.authority.issueWorkload({
    namespace: "shop",
    workload: "caller",
    service: "caller",
  });
  control.send({
    type: "certificate",
    workload: { namespace: "shop", name: "caller" },
    chainPem: foreign.chainPem,
    trustBundlePem: control.authority.trustBundlePem,
    notAfterMs: Date.now() + 1_000,
  });
  await control.push({}); // answered in order, so the certificate has been looked at
  assert.equal(identity?.generation, 1);
  assert.equal(brain.isReady, true);
});
