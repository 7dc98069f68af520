import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import { countByApp, readUntil } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import { getByHttp2, startEitherApp } from "../../harness/either-app.ts";
import { introduce } from "../../harness/introduce.ts";

const WE = "WorkloadEntry";

export const serviceCases: readonly ConformanceCase[] = [
  proof(
    "Service",
    "selector",
    "takes the workloads with these labels for endpoints",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "selector: {app: reviews, version: v2}, ports: [{port: 80, targetPort: http}]",
      );
      assert.deepEqual(countByApp(await mesh.calls(5)), { "reviews-v2": 5 });
    },
  ),
  proof(
    "Service",
    "ports[].port ports[].targetPort ports[].name",
    "leads a port to the app's port of that number or name",
    async (mesh) => {
      const number = mesh.world.apps.get("reviews-v1-admin")?.port;
      await mesh.applyOne(
        "Service",
        `selector: {app: reviews, version: v1}, ports: [{name: a, port: 80, targetPort: http}, {name: b, port: 81, targetPort: admin}, {name: c, port: 82, targetPort: ${number}}]`,
      );
      const app = async (port: number) => (await mesh.call({ host: `${mesh.host}:${port}` })).app;
      assert.equal(await app(80), "reviews-v1");
      assert.equal(await app(81), "reviews-v1-admin");
      assert.equal(await app(82), "reviews-v1-admin");
    },
  ),
  proof(
    "Service",
    "ports[].appProtocol ports[].protocol",
    "says what a port speaks: a TCP server may speak first",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "selector: {app: echo}, ports: [{name: any, port: 9000, protocol: TCP, appProtocol: tcp}]",
      );
      const { socket } = await mesh.connect(`${mesh.host}:9000`);
      assert.match(await readUntil(socket, "\n"), /^echo/);
    },
  ),
  proof(
    "Service",
    "ports[].appProtocol",
    "grpc and http2 carry calls with their trailers",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "selector: {app: greeter}, ports: [{name: any, port: 50051, appProtocol: grpc}]",
      );
      const headers = {
        ":method": "POST",
        ":path": "/test.Echo/Status5",
        "content-type": "application/grpc",
        te: "trailers",
      };
      await introduce(mesh.world.outboundPort("front"), mesh.host);
      const answer = await getByHttp2(
        mesh.world.outboundPort("front"),
        `${mesh.host}:50051`,
        headers,
      );
      assert.deepEqual([answer[":status"], answer["grpc-status"]], ["200", "5"]);
      assert.equal(answer["grpc-message"], "status 5");
    },
  ),
  proof(
    "Service",
    "ports[].name",
    "says what a port speaks where nothing else does: http2-…, tcp-…",
    async (mesh) => {
      const app = await startEitherApp(mesh);
      await mesh.apply(
        mesh.document("Service", "selector: {app: NAME}, ports: [{name: http2-api, port: 80}]"),
        mesh.document(
          WE,
          `address: 127.0.0.1, ports: {http2-api: ${app.port}}, labels: {app: NAME}`,
        ),
      );
      assert.equal((await mesh.call()).headers["x-version"], "2.0");
    },
  ),
  proof(
    "Service",
    "type externalName",
    "ExternalName is another name for a host that DNS knows",
    async (mesh) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      await mesh.applyOne(
        "Service",
        `type: ExternalName, externalName: localhost, ports: [{name: http, port: ${app.port}}]`,
      );
      await waitFor("the name is looked up", 15_000, async () => (await mesh.call()).app === "a1");
    },
  ),
  proof(
    "Service",
    "type externalName",
    "ExternalName is another name for a service of the mesh, with its rules and identities",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "type: ExternalName, externalName: reviews.shop.svc.cluster.local",
      );
      const answer = await mesh.call();
      assert.match(answer.app ?? "", /^reviews-v/);
      assert.match(answer.seen.headers["x-forwarded-client-cert"] ?? "", /^By=spiffe:/);
    },
  ),
  proof(
    WE,
    "address ports labels",
    "is an endpoint without a sidecar of the service named by its label app",
    async (mesh) => {
      const app = await mesh.app("bare");
      mesh.host = `${mesh.id}-bare`;
      await mesh.applyOne(
        WE,
        `address: 127.0.0.1, ports: {http: ${app.port}}, labels: {app: ${mesh.host}, version: v1}`,
      );
      const answer = await mesh.call();
      assert.equal(answer.app, "bare");
      assert.equal(answer.seen.headers["x-forwarded-client-cert"], undefined);
    },
  ),
  proof(WE, "weight locality", "shares requests by weight and by place", async (mesh) => {
    const apps = await mesh.apps(3);
    mesh.host = `${mesh.id}-bare`;
    const rest = ["weight: 3, locality: eu/a", "weight: 1, locality: eu/a", "locality: us/b"];
    const entries = apps.map(({ port, name }, index) =>
      mesh.document(
        WE,
        `address: 127.0.0.1, ports: {http: ${port}}, labels: {app: ${mesh.host}}, ${rest[index]}`,
        { name: `${mesh.id}-${name}` },
      ),
    );
    await mesh.apply(
      ...entries,
      mesh.document(
        "DestinationRule",
        "host: HOST, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {}}",
      ),
    );
    const { a1 = 0, a2 = 0, a3 = 0 } = countByApp(await mesh.calls(40));
    assert.equal(a3, 0);
    assert.ok(a1 >= 28 && a1 <= 32 && a1 + a2 === 40, `${a1} and ${a2}`);
  }),
];
