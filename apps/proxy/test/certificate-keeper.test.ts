import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ProxyMessage } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { TestAuthority, waitFor } from "@heddle/testkit";
import { CertificateKeeper } from "../src/identity/certificate-keeper.ts";
import { createCertificateRequest } from "../src/identity/certificate-request.ts";
import { HeldIdentity } from "../src/identity/held-identity.ts";
import { tell } from "./support/trust.ts";

const holder = { namespace: "shop", name: "caller" };
const workload = { namespace: "shop", workload: "caller", service: "caller" };

/** A keeper of one identity whose requests are kept in `sent`. */
async function startKeeper(t: TestContext) {
  const authority = await TestAuthority.create();
  const sent: Extract<ProxyMessage, { type: "csr" }>[] = [];
  const said: string[] = [];
  const base = createLogger("proxy", "silent");
  const logger = {
    ...base,
    info: (_fields: unknown, text: string) => said.push(text),
    warn: (_fields: unknown, text: string) => said.push(text),
    error: (_fields: unknown, text: string) => said.push(text),
  } as unknown as typeof base;
  const keeper = new CertificateKeeper({
    canSend: () => true,
    send: (message) => message.type === "csr" && sent.push(message) > 0,
    onInstalled: () => {},
    logger,
    draw: () => 0,
  });
  const identity = new HeldIdentity();
  keeper.keep(holder, identity);
  t.after(() => keeper.stop());
  const answer = async (csrPem: string, ttlMs?: number, ageMs?: number) => {
    const chainPem = await authority.signWorkload(csrPem, workload, ttlMs, ageMs);
    const { trustBundlePem } = authority;
    const notAfterMs = Date.now() + 60_000;
    keeper.receive({ type: "certificate", workload: holder, chainPem, trustBundlePem, notAfterMs });
  };
  const request = (count: number) =>
    waitFor(`certificate request ${count}`, 5_000, () => sent[count - 1]);
  return { keeper, identity, sent, said, answer, request };
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
    await answer(csrPem, 6_000);
  }
});

test("another authority's word brings new certificates before their time", async (t) => {
  const { keeper, identity, answer, request } = await startKeeper(t);
  keeper.start();
  await answer((await request(1)).csrPem);
  keeper.renew(null, 0);
  await answer((await request(2)).csrPem);
  assert.equal(identity.generation, 2);
  keeper.renew({ namespace: "shop", name: "somebody-else" }, 0);
  keeper.renew(holder, 0);
  await answer((await request(3)).csrPem);
  assert.equal(identity.generation, 3);
});

test("a wish to renew outlives the answer to a request that was made before it", async (t) => {
  const { keeper, identity, answer, request } = await startKeeper(t);
  keeper.start();
  const before = await request(1);
  keeper.renew(null, 0);
  await answer(before.csrPem);
  await answer((await request(2)).csrPem);
  assert.equal(identity.generation, 2);
});

test("a certificate that cannot be renewed stays in use, says once that it is late and that it has ended, and is asked for on and on", async (t) => {
  const { keeper, identity, said, sent, answer, request } = await startKeeper(t);
  keeper.start();
  await answer((await request(1)).csrPem, 3_000, 60_000);
  const standing = () => keeper.standings(Date.now())[0];
  assert.equal(standing()?.state, "late");
  await request(2);
  keeper.refused("the authority is away");
  assert.equal(standing()?.problem, "refused: the authority is away");
  await waitFor("it has ended", 10_000, () => said.some((text) => /has ended/.test(text)));
  assert.equal(standing()?.state, "expired");
  assert.ok(identity.serverContext, "it is still shown");
  const asked = sent.length;
  keeper.refused("still away");
  const csr = await waitFor("it is asked for again", 20_000, () => sent[asked]);
  await answer(csr.csrPem);
  assert.equal(standing()?.state, "current");
  const times = (pattern: RegExp) => said.filter((text) => pattern.test(text)).length;
  assert.deepEqual(
    [times(/could not be renewed/), times(/has ended/), times(/renewed again/)],
    [1, 1, 1],
  );
});

test("a change of roots that leaves the own certificate without one asks for another at once", async (t) => {
  const { keeper, identity, answer, request } = await startKeeper(t);
  keeper.start();
  await answer((await request(1)).csrPem);
  const next = await TestAuthority.create();
  tell(identity, { own: next });
  await request(2);
  assert.ok(identity.isValid(Date.now()), "until then the old one serves");
});
