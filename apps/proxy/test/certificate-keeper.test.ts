import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ProxyMessage } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { TestAuthority, waitFor } from "@heddle/testkit";
import { CertificateKeeper } from "../src/identity/certificate-keeper.ts";
import { createCertificateRequest } from "../src/identity/certificate-request.ts";
import { HeldIdentity } from "../src/identity/held-identity.ts";

const holder = { namespace: "shop", name: "caller" };
const workload = { namespace: "shop", workload: "caller", service: "caller" };

/** A keeper of one identity whose requests are kept in `sent`. */
async function startKeeper(t: TestContext) {
  const authority = await TestAuthority.create();
  const sent: Extract<ProxyMessage, { type: "csr" }>[] = [];
  const keeper = new CertificateKeeper({
    canSend: () => true,
    send: (message) => message.type === "csr" && sent.push(message) > 0,
    onInstalled: () => {},
    logger: createLogger("proxy", "silent"),
    draw: () => 0,
  });
  const identity = new HeldIdentity();
  keeper.keep(holder, identity);
  t.after(() => keeper.stop());
  const answer = async (csrPem: string, ttlMs?: number) => {
    const chainPem = await authority.signWorkload(csrPem, workload, ttlMs);
    const { trustBundlePem } = authority;
    const notAfterMs = Date.now() + 60_000;
    keeper.receive({ type: "certificate", workload: holder, chainPem, trustBundlePem, notAfterMs });
  };
  const request = (count: number) =>
    waitFor(`certificate request ${count}`, 5_000, () => sent[count - 1]);
  return { keeper, identity, sent, answer, request };
}

test("a late answer to an older request is ignored, and the one under way still counts", async (t) => {
  const { keeper, identity, answer, request } = await startKeeper(t);
  keeper.connected();
  const first = await request(1);
  keeper.connected(); // the stream broke and came back: the request is made anew
  const second = await request(2);
  await answer(first.csrPem);
  assert.equal(identity.generation, 0);
  await answer(second.csrPem);
  assert.equal(identity.generation, 1);
});

test("a stream that opens while the key is being made leads to one request, not two", async (t) => {
  const { keeper, identity, sent, answer, request } = await startKeeper(t);
  keeper.start();
  keeper.connected();
  keeper.connected();
  await answer((await request(1)).csrPem);
  assert.equal(identity.generation, 1);
  assert.equal(sent.length, 1);
});

test("a certificate for a key of somebody else leaves the open request open", async (t) => {
  const { keeper, identity, answer, request } = await startKeeper(t);
  keeper.connected();
  const asked = await request(1);
  await answer((await createCertificateRequest("caller", undefined)).csrPem);
  assert.equal(identity.generation, 0);
  await answer(asked.csrPem);
  assert.equal(identity.generation, 1);
});

test("a certificate that lives for seconds is asked for again before it ends", async (t) => {
  const { keeper, identity, answer, request } = await startKeeper(t);
  keeper.start();
  for (let count = 1; count <= 3; count++) {
    const { csrPem } = await request(count);
    assert.ok(count === 1 || identity.isValid(Date.now()), `request ${count} came too late`);
    await answer(csrPem, 3_000);
  }
});
