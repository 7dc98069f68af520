import assert from "node:assert/strict";
import { countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const VS = "VirtualService";
const to = (subset: string, rest = "") => `{destination: {host: HOST, subset: ${subset}}${rest}}`;

export const destinationCases: readonly ConformanceCase[] = [
  proof(
    VS,
    "http[].route[].weight",
    "shares requests by weight over the sum of weights, which need not be 100",
    async (mesh) => {
      await mesh.routes(`route: [${to("v1", ", weight: 1")}, ${to("v2", ", weight: 3")}]`);
      const { "reviews-v1": one = 0, "reviews-v2": two = 0 } = countByApp(await mesh.calls(100));
      assert.equal(one + two, 100);
      assert.ok(one >= 22 && one <= 28, `${one} of 100`);
    },
  ),
  proof(
    VS,
    "http[].route[].weight",
    "sends nothing to weight 0, and everything to a single destination whatever its weight",
    async (mesh) => {
      await mesh.routes(`route: [${to("v1", ", weight: 0")}, ${to("v2", ", weight: 1")}]`);
      assert.deepEqual(countByApp(await mesh.calls(10)), { "reviews-v2": 10 });
      await mesh.routes(`route: [${to("v3", ", weight: 0")}]`);
      assert.deepEqual(countByApp(await mesh.calls(5)), { "reviews-v3": 5 });
    },
  ),
  proof(VS, "http[].route[].weight", "refuses weights that sum to nothing", async (mesh) => {
    const spec = `hosts: [HOST], http: [{route: [${to("v1", ", weight: 0")}, ${to("v2", ", weight: 0")}]}]`;
    await mesh.refused(VS, spec, /total destination weight = 0/);
  }),
  proof(
    VS,
    "http[].route[].destination.host http[].route[].destination.subset",
    "means the service of that name in the rule's namespace, by any of its spellings",
    async (mesh) => {
      for (const host of ["ratings", "ratings.shop", "ratings.shop.svc.cluster.local"]) {
        await mesh.routes(`route: [{destination: {host: ${host}, subset: v1}}]`);
        assert.equal((await mesh.call()).app, "ratings-v1");
      }
      assert.equal(
        (await mesh.call({ from: "teller", host: `${mesh.id}.shop` })).app,
        "ratings-v1",
      );
    },
  ),
  proof(
    VS,
    "http[].route[].destination.port.number",
    "goes to that port, and is needed where the service has several and none is asked for",
    async (mesh) => {
      const ports =
        "[{name: http, port: 80, targetPort: http}, {name: admin, port: 8081, targetPort: admin}]";
      await mesh.applyOne("Service", `selector: {app: reviews}, ports: ${ports}`);
      await mesh.routes("route: [{destination: {host: HOST, subset: v1, port: {number: 8081}}}]");
      assert.equal((await mesh.call()).app, "reviews-v1-admin");
      const spec =
        "hosts: [HOST], http: [{route: [{destination: {host: HOST, port: {number: 99}}}]}]";
      await mesh.refused(VS, spec, /99/);
    },
  ),
  proof(
    VS,
    "hosts",
    "lets the most specific host win: exact before the longest wildcard",
    async (mesh) => {
      await mesh.start();
      const { id } = mesh;
      const answers = (text: string) =>
        `http: [{directResponse: {status: 200, body: {string: ${text}}}}]`;
      await mesh.apply(
        mesh.document(VS, `hosts: ["*.${id}.test"], ${answers("wide")}`, { name: `${id}-w` }),
        mesh.document(VS, `hosts: ["*.b.${id}.test"], ${answers("long")}`, { name: `${id}-l` }),
        mesh.document(VS, `hosts: [a.b.${id}.test], ${answers("exact")}`, { name: `${id}-e` }),
        mesh.document(
          "ServiceEntry",
          `hosts: [a.b.${id}.test, x.b.${id}.test, y.${id}.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 127.0.0.1}]`,
        ),
      );
      const said = async (host: string) => (await mesh.call({ host: `${host}.${id}.test` })).text;
      assert.equal(await said("a.b"), "exact");
      assert.equal(await said("x.b"), "long");
      assert.equal(await said("y"), "wide");
    },
  ),
  proof(VS, "hosts", "refuses a second rule for a host, and names the first", async (mesh) => {
    await mesh.routes("V1");
    const options = { name: `${mesh.id}-second` };
    await mesh.refused(VS, "hosts: [HOST], http: [{V2}]", new RegExp(`shop/${mesh.id}`), options);
    assert.deepEqual(countByApp(await mesh.calls(3)), { "reviews-v1": 3 });
  }),
  proof(
    VS,
    "gateways",
    "routes the mesh's requests when mesh is listed, and none when only gateways are",
    async (mesh) => {
      const spec = "http: [{directResponse: {status: 200, body: {string: ruled}}}]";
      await mesh.virtualService(`gateways: [mesh, edge], ${spec}`);
      assert.equal((await mesh.call()).text, "ruled");
      await mesh.virtualService(`gateways: [edge], ${spec}`);
      assert.match((await mesh.call()).app ?? "", /^reviews/);
    },
  ),
  proof(VS, "exportTo", "holds only for callers of these namespaces", async (mesh) => {
    const spec = "http: [{directResponse: {status: 200, body: {string: ruled}}}]";
    const host = `${mesh.id}.shop`;
    const said = async () => [
      (await mesh.call({ host })).text === "ruled",
      (await mesh.call({ host, from: "teller" })).text === "ruled",
    ];
    await mesh.virtualService(`exportTo: ["."], ${spec}`);
    assert.deepEqual(await said(), [true, false]);
    await mesh.virtualService(`exportTo: [bank], ${spec}`);
    assert.deepEqual(await said(), [false, true]);
    await mesh.virtualService(`exportTo: ["*"], ${spec}`);
    assert.deepEqual(await said(), [true, true]);
  }),
  proof(
    VS,
    "http[].delegate.name http[].delegate.namespace",
    "puts the delegate's routes in its place, within the root's match",
    async (mesh) => {
      const delegate = { name: `${mesh.id}-part` };
      await mesh.apply(
        mesh.document(
          VS,
          "http: [{match: [{uri: {prefix: /part/new}}], V2}, {match: [{uri: {prefix: /elsewhere}}], V3}, {V1}]",
          delegate,
        ),
        mesh.document(
          VS,
          `hosts: [HOST], http: [{match: [{uri: {prefix: /part}}], delegate: {name: ${delegate.name}, namespace: shop}, headers: {request: {set: {x-root: "1"}}}}, {directResponse: {status: 204}}]`,
        ),
      );
      const answer = await mesh.call("/part/new/x");
      assert.equal(answer.app, "reviews-v2");
      assert.equal(
        answer.seen.headers["x-root"],
        "1",
        "what the delegate leaves unset is the root's",
      );
      assert.equal((await mesh.call("/part/old")).app, "reviews-v1");
      assert.equal(
        (await mesh.call("/elsewhere")).status,
        204,
        "beyond the root's match: left out",
      );
    },
  ),
];
