import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import { type CaseMesh, countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, policyProofs, proof } from "../../harness/conformance-case.ts";

const DR = "DestinationRule";

/** A rule that shows that it holds: requests fail at once. */
const TIMID = "trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}";

/** Whether two requests at once are one too many. */
async function isHeld(mesh: CaseMesh, from: string, host = `${mesh.id}.shop`): Promise<boolean> {
  await mesh.call({ from, host });
  const held = mesh.hold();
  const ask = () => mesh.call({ from, host, do: held.do });
  const first = ask();
  await waitFor("the first is with its app", 15_000, () => held.count === 1);
  const second = ask();
  await Promise.race([second, held.next()]);
  held.open();
  const answers = await Promise.all([first, second]);
  return answers.some(({ headers }) => headers["x-heddle-flags"] === "UO");
}

export const scopeCases: readonly ConformanceCase[] = [
  proof(
    DR,
    "host",
    "holds for the service of that name, the most specific host first",
    async (mesh) => {
      await mesh.apply(
        mesh.document(DR, `host: "*.shop.svc.cluster.local", ${TIMID}`, {
          name: `${mesh.id}-wide`,
        }),
      );
      assert.equal(await isHeld(mesh, "front"), true);
      await mesh.destinationRule("trafficPolicy: {connectionPool: {http: {http2MaxRequests: 99}}}");
      assert.equal(await isHeld(mesh, "front"), false);
    },
    { isAlone: true },
  ),
  proof(DR, "exportTo", "holds for callers of these namespaces alone", async (mesh) => {
    await mesh.destinationRule(`exportTo: ["."], ${TIMID}`);
    assert.deepEqual([await isHeld(mesh, "front"), await isHeld(mesh, "teller")], [true, false]);
    await mesh.destinationRule(`exportTo: ["*"], ${TIMID}`);
    assert.equal(await isHeld(mesh, "teller"), true);
  }),
  proof(
    DR,
    "host",
    "of the caller's namespace goes before the service's own, and they are not merged",
    async (mesh) => {
      const { id } = mesh;
      await mesh.destinationRule(TIMID);
      const own = `host: ${id}.shop.svc.cluster.local, trafficPolicy: {loadBalancer: {simple: RANDOM}}`;
      await mesh.apply(mesh.document(DR, own, { namespace: "bank" }));
      assert.deepEqual([await isHeld(mesh, "front"), await isHeld(mesh, "teller")], [true, false]);
    },
  ),
  proof(
    DR,
    "workloadSelector.matchLabels",
    "holds for callers with these labels alone, before a rule without",
    async (mesh) => {
      await mesh.apply(
        mesh.document(DR, `host: HOST, workloadSelector: {matchLabels: {tier: app}}, ${TIMID}`),
        mesh.document(DR, "host: HOST, trafficPolicy: {loadBalancer: {simple: RANDOM}}", {
          name: `${mesh.id}-all`,
        }),
      );
      assert.deepEqual([await isHeld(mesh, "mobile"), await isHeld(mesh, "front")], [true, false]);
    },
  ),
  proof(
    DR,
    "subsets[].name subsets[].labels",
    "are the endpoints with these labels, under a name that routes use",
    async (mesh) => {
      await mesh.destinationRule("subsets: [{name: new, labels: {version: v3}}, {name: all}]");
      await mesh.routes(
        "match: [{uri: {exact: /all}}], route: [{destination: {host: HOST, subset: all}}]",
        "route: [{destination: {host: HOST, subset: new}}]",
      );
      assert.deepEqual(countByApp(await mesh.calls(5)), { "reviews-v3": 5 });
      assert.equal(Object.keys(countByApp(await mesh.calls(30, "/all"))).length, 3);
    },
  ),
  proof(DR, "subsets", "add up over two rules for one host, the older's first", async (mesh) => {
    await mesh.apply(mesh.document(DR, "host: HOST, subsets: [{name: a, labels: {version: v1}}]"));
    await mesh.apply(
      mesh.document(DR, "host: HOST, subsets: [{name: b, labels: {version: v2}}]", {
        name: `${mesh.id}-b`,
      }),
    );
    const to = (subset: string) => `route: [{destination: {host: HOST, subset: ${subset}}}]`;
    await mesh.routes(`match: [{uri: {exact: /a}}], ${to("a")}`, to("b"));
    assert.equal((await mesh.call("/a")).app, "reviews-v1");
    assert.equal((await mesh.call("/b")).app, "reviews-v2");
  }),
  proof(
    DR,
    "subsets[].trafficPolicy",
    "replaces the rule's policy block by block, and leaves the blocks it does not name",
    async (mesh) => {
      const policy = "connectionPool: {http: {http2MaxRequests: 1}}, tls: {mode: DISABLE}";
      await mesh.destinationRule(
        `trafficPolicy: {${policy}}, subsets: [{name: own, trafficPolicy: {connectionPool: {http: {maxRetries: 5}}}}]`,
      );
      assert.equal(await isHeld(mesh, "front"), true);
      await mesh.routes("route: [{destination: {host: HOST, subset: own}}]");
      assert.equal(await isHeld(mesh, "front"), false, "the whole block is replaced");
      const { headers } = (await mesh.call()).seen;
      assert.equal(headers["x-forwarded-client-cert"], undefined, "tls stays the rule's");
    },
  ),
  proof(
    DR,
    "trafficPolicy.portLevelSettings",
    "replace everything for their port, what they leave out falling to the defaults",
    async (mesh) => {
      const ports =
        "[{name: http, port: 80, targetPort: http}, {name: admin, port: 81, targetPort: admin}]";
      await mesh.applyOne("Service", `selector: {app: reviews}, ports: ${ports}`);
      const byPort = "portLevelSettings: [{port: {number: 81}, loadBalancer: {simple: RANDOM}}]";
      await mesh.destinationRule(
        `trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}, ${byPort}}`,
      );
      assert.equal(await isHeld(mesh, "front", `${mesh.id}:80`), true);
      assert.equal(await isHeld(mesh, "front", `${mesh.id}:81`), false);
    },
  ),
  proof(DR, "trafficPolicy", "refuses an empty connection pool", (mesh) =>
    mesh.refused(DR, "host: HOST, trafficPolicy: {connectionPool: {}}", /connectionPool/),
  ),
];

/** How many tries reach the only app when `requests` fail together and each may be tried again once. */
async function triesOf(mesh: CaseMesh, budget: string, requests = 10): Promise<number> {
  const [app] = await mesh.apps(1);
  assert.ok(app);
  await mesh.serve([app]);
  await mesh.routes("retries: {attempts: 1, retryOn: 5xx, backoff: 1ms}, ROUTE");
  await mesh.policy(`retryBudget: {${budget}}`);
  await mesh.call();
  const before = app.seen.length;
  const held = mesh.hold();
  const ask = () => mesh.call({ do: `status=503 ${held.do}` });
  const sent = Array.from({ length: requests }, ask);
  await waitFor("all are with the app", 15_000, () => held.count === requests);
  let answered = 0;
  for (const one of sent) void one.then(() => (answered += 1));
  held.letGo();
  await waitFor(
    "each is answered or tried again",
    15_000,
    () => answered + held.count === requests,
  );
  held.open();
  await Promise.all(sent);
  return app.seen.length - before;
}

export const retryBudgetCases: readonly ConformanceCase[] = [
  ...policyProofs(
    "retryBudget.minRetryConcurrency",
    "lets that many retries through, however few requests there are",
    async (mesh) => {
      const tries = await triesOf(mesh, "percent: 1, minRetryConcurrency: 2");
      assert.equal(tries, 12);
    },
  ),
  ...policyProofs(
    "retryBudget.percent",
    "bounds retries to that share of the requests",
    async (mesh) => {
      const few = await triesOf(mesh, "percent: 10, minRetryConcurrency: 1");
      assert.equal(few, 11);
      const all = await triesOf(mesh, "percent: 100, minRetryConcurrency: 1");
      // Those that pause before they are sent again are not under way: five at least, ten at most.
      assert.ok(all >= 15, `${all} tries of 10 requests`);
    },
  ),
];
