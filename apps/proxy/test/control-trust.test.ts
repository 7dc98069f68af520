import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAuthority, TestControlPlane, waitFor } from "@heddle/testkit";
import { startBrain } from "./support/brain.ts";
import { temporaryFolder } from "./support/proxy-process.ts";
import { refusalOf } from "./support/refusal.ts";
import { trustResource } from "./support/trust.ts";

test("what the control plane says of trust takes the place of what certificates came with, and outlives a restart", async (t) => {
  const control = await TestControlPlane.start(t);
  const folder = temporaryFolder(t);
  const brain = await startBrain(t, control, folder);
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  assert.deepEqual([brain.trust.isTold, brain.trust.rootsPem.length], [false, 1]);
  const partner = await TestAuthority.create("partner.example");
  const resource = trustResource({ own: control.authority, others: [partner] });
  assert.equal((await control.push({ upserts: [resource] })).type, "ack");
  assert.deepEqual([brain.trust.isTold, brain.trust.rootsPem.length], [true, 2]);
  await brain.stop();
  await control.stop();
  const again = await startBrain(t, control, folder);
  assert.deepEqual([again.trust.isTold, again.trust.rootsPem.length], [true, 2]);
  assert.equal(again.isReady, true);
});

test("a push that would leave the mesh's own domain without a root is refused, and the old trust stays", async (t) => {
  const control = await TestControlPlane.start(t);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  const whole = trustResource({ own: control.authority });
  const partner = await TestAuthority.create("partner.example");
  const bundles = [{ trustDomain: "partner.example", pem: partner.trustBundlePem }];
  const noOwn = await control.push({ upserts: [{ ...whole, bundles }] });
  assert.match(refusalOf(noOwn), /no root of the own domain cluster\.local/);
  const broken = [
    { trustDomain: "cluster.local", pem: whole.bundles[0]?.pem.replace(/MI/, "XX") ?? "" },
  ];
  const noPem = await control.push({ upserts: [{ ...whole, bundles: broken }] });
  assert.match(refusalOf(noPem), /not a root of cluster\.local in PEM/);
  assert.equal(brain.trust.isTold, false);
});

test("renew brings a new certificate for each holder, with a new key", async (t) => {
  const control = await TestControlPlane.start(t);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  const identity = brain.workloads[0]?.identity;
  const before = identity?.material?.keyPem;
  control.send({ type: "renew", workload: null, withinMs: 100 });
  await waitFor(
    "the workload's certificate is another",
    20_000,
    () => (identity?.generation ?? 0) >= 2,
  );
  assert.notEqual(identity?.material?.keyPem, before);
  const holders = () =>
    control.received.flatMap((one) => (one.type === "csr" ? [one.workload?.name ?? "proxy"] : []));
  await waitFor("the proxy asks for its own too", 20_000, () => holders().includes("proxy"));
});

test("callers turned away are told to the control plane, and told again on a new stream", async (t) => {
  const control = await TestControlPlane.start(t);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 30_000, () => brain.isReady);
  const caller = { namespace: "shop", name: "caller" };
  brain.turnedAway.note(caller, "10.0.4.17", "plaintext", true, 5);
  const told = await control.message("turned-away");
  const entry = {
    workload: caller,
    sourceAddress: "10.0.4.17",
    reason: "plaintext",
    lastSeenMs: 5,
  };
  assert.deepEqual(told.callers, [{ ...entry, refused: 1, wouldBeRefused: 0 }]);
  await control.stop();
  await control.listen();
  await control.message("turned-away", 2);
});
