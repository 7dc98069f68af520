import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { TestAuthority, waitFor } from "@heddle/testkit";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  send,
  service,
  TestMesh,
  type TestWorkload,
} from "./data-path-kit.ts";
import { callAs, tell } from "./support/trust.ts";

const front = { namespace: "shop", workload: "front", service: "front" };

/** shop/reviews before a real app; `slow` answers after it is let go. */
async function serving(t: TestContext, by?: TestAuthority) {
  const held: (() => void)[] = [];
  const reviews = await app(t, (request, response) => {
    if (request.url === "/slow") held.push(() => response.end("late"));
    else response.end("from reviews");
  });
  const rest = by === undefined ? {} : { by };
  const workload = await hosted("reviews", { appPort: reviews.port, ...rest });
  const recorder = new MemoryRecorder();
  const listener = await inbound(t, workload, recorder);
  return { workload, port: listener.port, recorder, held };
}

/** A caller's sidecar and the service as it sees it. */
async function calling(
  t: TestContext,
  server: { port: number },
  caller: TestWorkload,
  identity: string,
) {
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: server.port, identity }]));
  return outbound(t, caller, mesh, new MemoryRecorder());
}

test("takes a caller whose chain leads over an intermediate to a trusted root", async (t) => {
  const ours = await authority();
  const { port } = await serving(t, await ours.intermediate());
  const below = await (await ours.intermediate()).issueWorkload(front);
  assert.equal((await callAs(t, port, below, ours.trustBundlePem)).answer, "200");
});

test("takes identities of another trust domain only from that domain's own roots", async (t) => {
  const ours = await authority();
  const partner = await TestAuthority.create("partner.example");
  const { workload, port } = await serving(t);
  const call = async (by: TestAuthority, names: object = {}) => {
    const certificate = await by.issueWorkload({ ...front, ...names });
    return (await callAs(t, port, certificate, ours.trustBundlePem)).answer;
  };
  assert.equal(await call(partner), "refused", "its root is not known");
  tell(workload.identity, { own: ours, others: [partner] });
  assert.equal(await call(partner), "200");
  assert.equal(await call(ours), "200");
  assert.equal(await call(partner, { trustDomain: ours.trustDomain }), "refused", "not theirs");
  assert.equal(await call(ours, { trustDomain: "partner.example" }), "refused", "not ours");
  assert.equal(await call(ours, { trustDomain: "stranger.example" }), "refused", "nobody's");
});

test("is not led astray by another domain's authority that sends our own intermediate along", async (t) => {
  const ours = await authority();
  const partner = await TestAuthority.create("partner.example");
  const { workload, port } = await serving(t);
  tell(workload.identity, { own: ours, others: [partner] });
  const forged = await partner.issueWorkload({ ...front, trustDomain: ours.trustDomain });
  const { chainPem } = await (await ours.intermediate()).issueWorkload(front);
  const intermediate = chainPem.slice(chainPem.indexOf("-----END") + 26);
  const shown = { ...forged, chainPem: forged.chainPem + intermediate };
  assert.equal((await callAs(t, port, shown, ours.trustBundlePem)).answer, "refused");
});

test("takes identities of an alias for the mesh's own, as callers and as servers", async (t) => {
  const ours = await authority();
  const { workload, port } = await serving(t);
  const old = await ours.issueWorkload({ ...front, trustDomain: "old.example" });
  assert.equal((await callAs(t, port, old, ours.trustBundlePem)).answer, "refused");
  tell(workload.identity, { own: ours, aliases: ["old.example"] });
  assert.equal((await callAs(t, port, old, ours.trustBundlePem)).answer, "200");
  const renamed = "spiffe://old.example/ns/shop/sa/reviews";
  const caller = await hosted("front");
  const proxy = await calling(t, { port }, caller, renamed);
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 503);
  tell(caller.identity, { own: ours, aliases: ["old.example"] });
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
});

test("never resumes a session: each connection proves itself anew", async (t) => {
  const ours = await authority();
  const { port } = await serving(t);
  const certificate = await ours.issueWorkload(front);
  const first = await callAs(t, port, certificate, ours.trustBundlePem);
  const second = await callAs(t, port, certificate, ours.trustBundlePem, first.session);
  assert.deepEqual([first.answer, second.answer, second.isReused], ["200", "200", false]);
});

test("closes a revoked caller's connection within a second, and refuses its next one", async (t) => {
  const ours = await authority();
  const { workload, port } = await serving(t);
  const caller = await hosted("front");
  const identity = ours.spiffeId({ ...front, workload: "reviews" });
  const proxy = await calling(t, { port }, caller, identity);
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  assert.equal(workload.identity.trust.standingCount, 1);
  const { material } = caller.identity;
  assert.ok(material);
  tell(workload.identity, { own: ours, revoked: [material] });
  const atMs = performance.now();
  await waitFor(
    "the connection is closed",
    5_000,
    () => workload.identity.trust.standingCount === 0,
  );
  assert.ok(performance.now() - atMs < 1_500, "about a second on a busy machine");
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.status, 503);
});

test("finishes what a revoked caller has under way if it takes less than that second", async (t) => {
  const ours = await authority();
  const { workload, port, held } = await serving(t);
  const caller = await hosted("front");
  const proxy = await calling(
    t,
    { port },
    caller,
    ours.spiffeId({ ...front, workload: "reviews" }),
  );
  const slow = send(proxy.port, { host: "reviews", path: "/slow" });
  const letGo = await waitFor("the request is with the app", 5_000, () => held[0]);
  const { material } = caller.identity;
  assert.ok(material);
  tell(workload.identity, { own: ours, revoked: [material] });
  letGo();
  assert.equal((await slow).body.toString(), "late");
});

test("leaves a revoked server, and does not come back", async (t) => {
  const ours = await authority();
  const { workload, port } = await serving(t);
  const caller = await hosted("front");
  const proxy = await calling(
    t,
    { port },
    caller,
    ours.spiffeId({ ...front, workload: "reviews" }),
  );
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  const { material } = workload.identity;
  assert.ok(material);
  tell(caller.identity, { own: ours, revoked: [material] });
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.status, 503);
  assert.match(answer.body.toString(), /revoked/);
  await waitFor("its connection is closed", 5_000, () => caller.identity.trust.standingCount === 0);
});

test("drops no request while roots come and go and certificates are replaced", async (t) => {
  const first = await TestAuthority.create();
  const second = await TestAuthority.create();
  const { workload, port } = await serving(t, await first.intermediate());
  const caller = await hosted("front", { by: first });
  const identity = first.spiffeId({ ...front, workload: "reviews" });
  const proxy = await calling(t, { port }, caller, identity);
  const statuses = new Map<number, number>();
  const end = new AbortController();
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!end.signal.aborted) {
        const { status } = await send(proxy.port, { host: "reviews" });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  const served = () => statuses.get(200) ?? 0;
  const some = async () => {
    const from = served();
    await waitFor("requests go on", 10_000, () => served() > from + 20);
  };
  const both = [workload.identity, caller.identity];
  const names = { "0": { ...front, workload: "reviews", service: "reviews" }, "1": front };
  await some();
  for (const one of both) tell(one, { own: first, roots: [second] });
  await some();
  for (const [index, one] of both.entries()) {
    const by = await second.intermediate();
    const certificate = await by.issueWorkload(names[index === 0 ? "0" : "1"]);
    one.install({ ...certificate, trustBundlePem: second.trustBundlePem });
    await some();
  }
  for (const one of both) tell(one, { own: second });
  await some();
  end.abort();
  await load;
  assert.deepEqual([...statuses.keys()], [200]);
});
