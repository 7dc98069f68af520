import assert from "node:assert/strict";
import { type DnsServer, waitFor } from "@heddle/testkit";
import { type CaseMesh, countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

type Endpoint = { readonly port: number; readonly weight: number; readonly locality?: string };

const KIND = "DnsSource";
const PORT = "port: {number: 80, name: http, protocol: HTTP}";
const DEADLINE_MS = 15_000;

/** The case's host is from now on a service that is served by what the DNS says. */
async function source(
  mesh: CaseMesh,
  server: DnsServer,
  lookups: string,
  more = "",
): Promise<void> {
  mesh.host = `${mesh.id}-dns`;
  await mesh.applyOne(
    KIND,
    `service: HOST, lookups: [${lookups}], ${PORT}, servers: ["${server.address}"], ${more}`,
  );
}

const endpointsOf = async (mesh: CaseMesh) => {
  const path = `/services/shop/${mesh.host}/endpoints`;
  const { status, body } = await mesh.mesh.call<{ readonly endpoints: readonly Endpoint[] }>(
    "GET",
    path,
  );
  return status === 200 ? body.endpoints : [];
};

function untilServed(mesh: CaseMesh, count: number): Promise<boolean> {
  return waitFor(`${count} endpoints`, DEADLINE_MS, async () => {
    return (await endpointsOf(mesh)).length === count;
  });
}

export const dnsSourceCases: readonly ConformanceCase[] = [
  proof(
    KIND,
    "service lookups lookups[].name lookups[].type lookups[].port port port.number port.name port.protocol servers",
    "takes the addresses that a server of the DNS names for endpoints of a service",
    async (mesh) => {
      const [app] = await mesh.apps(1);
      const server = await mesh.dnsServer();
      server.records.set("db.test", [{ type: "A", address: "127.0.0.1", ttl: 60 }]);
      await source(mesh, server, `{name: db.test, type: A, port: ${app?.port}}`);
      await untilServed(mesh, 1);
      await waitFor("an answer", DEADLINE_MS, async () => (await mesh.call()).status === 200);
      assert.deepEqual(countByApp(await mesh.calls(3)), { a1: 3 });
    },
  ),
  proof(
    KIND,
    "lookups[].labels lookups[].locality lookups[].weight",
    "gives the addresses of a name labels, a locality and a weight",
    async (mesh) => {
      const apps = await mesh.apps(2);
      const server = await mesh.dnsServer();
      for (const name of ["a.test", "b.test"]) {
        server.records.set(name, [{ type: "A", address: "127.0.0.1", ttl: 60 }]);
      }
      const [a, b] = apps.map(({ port }) => port);
      await source(
        mesh,
        server,
        `{name: a.test, port: ${a}, weight: 7, locality: eu/west/a}, {name: b.test, port: ${b}, labels: {version: v9}}`,
      );
      await untilServed(mesh, 2);
      const first = (await endpointsOf(mesh)).find(({ port }) => port === a);
      assert.deepEqual([first?.weight, first?.locality], [7, "eu/west/a"]);
      await mesh.apply(
        mesh.document(
          "VirtualService",
          "hosts: [HOST], http: [{route: [{destination: {host: HOST, subset: v9}}]}]",
        ),
      );
      await waitFor("an answer", DEADLINE_MS, async () => (await mesh.call()).status === 200);
      assert.deepEqual(countByApp(await mesh.calls(3)), { a2: 3 });
    },
  ),
  proof(
    KIND,
    "minInterval maxInterval",
    "bounds the time after which a name is asked for again, whatever its answer's own time is",
    async (mesh) => {
      const [app] = await mesh.apps(1);
      const server = await mesh.dnsServer();
      server.records.set("long.test", [{ type: "A", address: "127.0.0.1", ttl: 86_400 }]);
      server.records.set("short.test", [{ type: "A", address: "127.0.0.2", ttl: 0 }]);
      const lookups = ["long.test", "short.test"].map(
        (name) => `{name: ${name}, type: A, port: ${app?.port}}`,
      );
      await source(mesh, server, lookups.join(", "), "minInterval: 1s, maxInterval: 2s");
      await waitFor("both to be asked again", DEADLINE_MS, () => {
        return server.asked("long.test") >= 2 && server.asked("short.test") >= 2;
      });
    },
  ),
];
