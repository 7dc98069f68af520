import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import { type CaseMesh, countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const SE = "ServiceEntry";
const HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]";

/** An entry for the case's host, now `<id>.test`. */
async function enter(mesh: CaseMesh, spec: string, hosts = "[HOST]"): Promise<void> {
  mesh.host = `${mesh.id}.test`;
  await mesh.applyOne(SE, `hosts: ${hosts}, ${spec}`);
}

const at = (port: number, rest = "") =>
  `{address: 127.0.0.1, ports: {http: ${port}}${rest === "" ? "" : `, ${rest}`}}`;

export const serviceEntryCases: readonly ConformanceCase[] = [
  proof(
    SE,
    "hosts endpoints[].address endpoints[].ports",
    "gives a host endpoints, at the ports named there",
    async (mesh) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      const spec = `${HTTP}, resolution: STATIC, endpoints: [${at(app.port)}]`;
      await enter(mesh, spec, "[HOST, also-NAME.test]");
      assert.equal((await mesh.call()).app, "a1");
      assert.equal((await mesh.call({ host: `also-${mesh.id}.test` })).app, "a1");
      assert.equal((await mesh.call()).seen.headers["host"], mesh.host);
    },
  ),
  proof(SE, "hosts", "prefers an exact host to a wildcard", async (mesh) => {
    const [wide, exact] = await mesh.apps(2);
    assert.ok(wide && exact);
    const spec = (port: number) => `${HTTP}, resolution: STATIC, endpoints: [${at(port)}]`;
    await mesh.apply(
      mesh.document(SE, `hosts: ["*.NAME.test"], ${spec(wide.port)}`),
      mesh.document(SE, `hosts: [a.NAME.test], ${spec(exact.port)}`, { name: `${mesh.id}-a` }),
    );
    assert.equal((await mesh.call({ host: `a.${mesh.id}.test` })).app, "a2");
    assert.equal((await mesh.call({ host: `b.${mesh.id}.test` })).app, "a1");
  }),
  proof(SE, "addresses", "make the entry known by address, too", async (mesh) => {
    const [app] = await mesh.apps(1);
    assert.ok(app);
    const addresses = `addresses: [${mesh.address}]`;
    await enter(mesh, `${addresses}, ${HTTP}, resolution: STATIC, endpoints: [${at(app.port)}]`);
    assert.equal((await mesh.call({ host: mesh.address })).app, "a1");
  }),
  proof(
    SE,
    "ports[].number ports[].name ports[].protocol",
    "are what callers ask for; endpoints name them",
    async (mesh) => {
      const [one, two] = await mesh.apps(2);
      assert.ok(one && two);
      const ports =
        "[{number: 80, name: http, protocol: HTTP}, {number: 8080, name: more, protocol: HTTP}]";
      const endpoint = `{address: 127.0.0.1, ports: {http: ${one.port}, more: ${two.port}}}`;
      await enter(mesh, `ports: ${ports}, resolution: STATIC, endpoints: [${endpoint}]`);
      assert.equal((await mesh.call({ host: `${mesh.host}:80` })).app, "a1");
      assert.equal((await mesh.call({ host: `${mesh.host}:8080` })).app, "a2");
    },
  ),
  proof(SE, "ports[].targetPort", "is the port of endpoints that name none", async (mesh) => {
    const [app] = await mesh.apps(1);
    assert.ok(app);
    const ports = `[{number: 80, name: http, protocol: HTTP, targetPort: ${app.port}}]`;
    await enter(mesh, `ports: ${ports}, resolution: STATIC, endpoints: [{address: 127.0.0.1}]`);
    assert.equal((await mesh.call()).app, "a1");
  }),
  proof(
    SE,
    "location",
    "is outside the mesh unless it says MESH_INTERNAL, and changes no answer",
    async (mesh) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      const spec = `${HTTP}, resolution: STATIC, endpoints: [${at(app.port)}]`;
      for (const location of ["", "location: MESH_EXTERNAL, ", "location: MESH_INTERNAL, "]) {
        await enter(mesh, `${location}${spec}`);
        assert.equal((await mesh.call()).app, "a1");
      }
      const { namespaces } = await serviceNames(mesh);
      assert.ok(namespaces.includes("shop"));
    },
  ),
  proof(
    SE,
    "resolution",
    "NONE goes to whomever the request names, under the entry's rules",
    async (mesh) => {
      const { address } = mesh;
      const app = await mesh.app("named", undefined, { address });
      const ports = `[{number: ${app.port}, name: http, protocol: HTTP}]`;
      await enter(mesh, `addresses: [${address}], ports: ${ports}, resolution: NONE`);
      assert.equal((await mesh.call({ host: `${address}:${app.port}` })).app, "named");
      await mesh.routes("directResponse: {status: 204}");
      assert.equal((await mesh.call({ host: `${address}:${app.port}` })).status, 204);
    },
  ),
  ...["DNS", "DNS_ROUND_ROBIN"].map((resolution) =>
    proof(SE, "resolution", `${resolution} looks an endpoint's name up`, async (mesh) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      const endpoint = `{address: localhost, ports: {http: ${app.port}}}`;
      await enter(mesh, `${HTTP}, resolution: ${resolution}, endpoints: [${endpoint}]`);
      await waitFor("the name is looked up", 15_000, async () => (await mesh.call()).app === "a1");
    }),
  ),
  proof(
    SE,
    "resolution",
    "DYNAMIC_DNS under a wildcard looks up each host that is asked for, under the entry's rules",
    async (mesh) => {
      await enter(mesh, `${HTTP}, resolution: DYNAMIC_DNS`, '["*.NAME.test"]');
      const host = `nowhere.${mesh.id}.test`;
      const answer = await mesh.call({ host });
      assert.equal(answer.status, 503);
      assert.match(answer.headers["x-heddle-flags"] ?? "", /^UF/);
      assert.match(answer.text, new RegExp(`^tried: ${host}:80 `, "m"));
      await mesh.applyOne(
        "VirtualService",
        'hosts: ["*.NAME.test"], http: [{directResponse: {status: 204}}]',
      );
      assert.equal((await mesh.call({ host })).status, 204);
    },
  ),
  proof(SE, "endpoints[].labels", "make subsets of endpoints", async (mesh) => {
    const [one, two] = await mesh.apps(2);
    assert.ok(one && two);
    const endpoints = [one, two].map(({ port }, index) =>
      at(port, `labels: {version: v${index + 1}}`),
    );
    await enter(mesh, `${HTTP}, resolution: STATIC, endpoints: [${endpoints.join(", ")}]`);
    await mesh.routes("V2");
    assert.deepEqual(countByApp(await mesh.calls(4)), { a2: 4 });
  }),
  proof(SE, "endpoints[].weight", "shares requests by weight", async (mesh) => {
    await mesh.serve(await mesh.apps(2), (_app, index) => `weight: ${index === 0 ? 1 : 4}`);
    await mesh.destinationRule("trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}");
    const { a1 = 0 } = countByApp(await mesh.calls(40));
    assert.ok(a1 >= 6 && a1 <= 10, `${a1} of 40`);
  }),
  proof(SE, "endpoints[].locality", "is where an endpoint is", async (mesh) => {
    await mesh.serve(
      await mesh.apps(2),
      (_app, index) => `locality: ${index === 0 ? "us/b" : "eu/a"}`,
    );
    await mesh.destinationRule("trafficPolicy: {outlierDetection: {}}");
    assert.deepEqual(countByApp(await mesh.calls(8)), { a2: 8 });
    assert.deepEqual(countByApp(await mesh.calls(8, { from: "mobile" })), { a1: 8 });
  }),
  proof(
    SE,
    "workloadSelector.labels",
    "takes registered workloads and WorkloadEntries with these labels for endpoints",
    async (mesh) => {
      const app = await mesh.app("entry");
      mesh.host = `${mesh.id}.test`;
      await mesh.apply(
        mesh.document(
          SE,
          `hosts: [HOST], ${HTTP}, resolution: STATIC, workloadSelector: {labels: {app: ${mesh.id}}}`,
        ),
        mesh.document(
          "WorkloadEntry",
          `address: 127.0.0.1, ports: {http: ${app.port}}, labels: {app: ${mesh.id}}`,
        ),
      );
      assert.equal((await mesh.call()).app, "entry");
      const ports = "[{number: 80, name: http, protocol: HTTP}]";
      await mesh.applyOne(
        SE,
        `hosts: [HOST], ports: ${ports}, resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {labels: {app: ratings}}`,
      );
      const answer = await mesh.call();
      assert.equal(answer.app, "ratings-v1");
      assert.match(answer.seen.headers["x-forwarded-client-cert"] ?? "", /sa\/front/);
    },
  ),
  proof(SE, "exportTo", "is known to callers of these namespaces alone", async (mesh) => {
    const [app] = await mesh.apps(1);
    assert.ok(app);
    const spec = `${HTTP}, resolution: STATIC, endpoints: [${at(app.port)}]`;
    await enter(mesh, `exportTo: ["."], ${spec}`);
    assert.equal((await mesh.call()).app, "a1");
    assert.equal((await mesh.call({ from: "teller" })).app, undefined);
    await enter(mesh, `exportTo: [bank], ${spec}`);
    assert.equal((await mesh.call({ from: "teller" })).app, "a1");
  }),
  proof(
    SE,
    "subjectAltNames",
    "are the names that the server's certificate may bear",
    async (mesh) => {
      const [secure] = mesh.world.streams.secure;
      const ca = mesh.file("ca.pem", mesh.world.streams.authorityPem);
      const endpoint = `{address: 127.0.0.1, ports: {http: ${secure}}}`;
      const spec = `${HTTP}, resolution: STATIC, endpoints: [${endpoint}]`;
      await enter(mesh, `${spec}, subjectAltNames: [someone.else.test]`);
      await mesh.apply(
        mesh.document(
          "DestinationRule",
          `host: HOST, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: ${ca}}}`,
        ),
        mesh.document("VirtualService", "hosts: [HOST], http: [{retries: {attempts: 0}, ROUTE}]"),
      );
      const refused = await mesh.call();
      assert.equal(refused.headers["x-heddle-flags"], "UF");
      assert.match(refused.text, /someone\.else\.test/);
      await enter(mesh, `${spec}, subjectAltNames: [localhost]`);
      assert.notEqual((await mesh.call()).headers["x-heddle-flags"], "UF", "TLS is made");
    },
  ),
];

async function serviceNames(mesh: CaseMesh) {
  const { body } = await mesh.mesh.call<{ resources: { namespace: string }[] }>(
    "GET",
    `/resources?kind=ServiceEntry&name=${mesh.id}`,
  );
  return { namespaces: body.resources.map(({ namespace }) => namespace) };
}
