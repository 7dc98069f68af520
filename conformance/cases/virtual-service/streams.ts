import assert from "node:assert/strict";
import tls from "node:tls";
import { type CaseMesh, readUntil } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const VS = "VirtualService";
const ECHO =
  "selector: {app: echo}, ports: [{name: tcp, port: 9000, appProtocol: tcp}, {name: tcp-more, port: 9001, appProtocol: tcp}]";
const SECURE = "selector: {app: secure}, ports: [{name: tls, port: 443, appProtocol: tls}]";

/** What the server says first on a connection to the case's host. */
async function greetingOf(mesh: CaseMesh, { port = 9000, from = "front", host = mesh.id } = {}) {
  const { status, socket } = await mesh.connect(`${host}:${port}`, from);
  assert.equal(status, "200");
  const greeting = await readUntil(socket, "\n");
  socket.write("ping\n");
  assert.equal(await readUntil(socket, "\n"), "ping", "bytes go both ways");
  socket.destroy();
  return greeting;
}

function tcpProof(
  fields: string,
  title: string,
  tcp: string,
  run: (mesh: CaseMesh) => Promise<void>,
): ConformanceCase {
  return proof(
    VS,
    fields.replaceAll(/\S+/g, (one) => `tcp[].${one}`),
    title,
    async (mesh) => {
      await mesh.applyOne("Service", ECHO);
      await mesh.virtualService(`tcp: [${tcp}]`);
      await run(mesh);
    },
  );
}

const to = (version: number, port = 9000) =>
  `{destination: {host: HOST, subset: v${version}, port: {number: ${port}}}}`;

const tcpCases: readonly ConformanceCase[] = [
  tcpProof(
    "route[].destination.host route[].destination.subset route[].destination.port.number",
    "carries a connection to that subset, the server speaking first",
    `{route: [${to(2)}]}`,
    async (mesh) => {
      for (let tried = 0; tried < 3; tried++) assert.equal(await greetingOf(mesh), "echo-v2");
    },
  ),
  tcpProof(
    "route[].weight",
    "shares connections by weight",
    "{route: [{destination: {host: HOST, subset: v1, port: {number: 9000}}, weight: 1}, {destination: {host: HOST, subset: v2, port: {number: 9000}}, weight: 3}]}",
    async (mesh) => {
      let first = 0;
      for (let sent = 0; sent < 16; sent++) if ((await greetingOf(mesh)) === "echo-v1") first++;
      assert.ok(first >= 2 && first <= 6, `${first} of 16`);
    },
  ),
  tcpProof(
    "match[].port",
    "is decided by the port that was asked for",
    `{match: [{port: 9001}], route: [${to(2)}]}, {route: [${to(1)}]}`,
    async (mesh) => {
      assert.equal(await greetingOf(mesh, { port: 9001 }), "echo-v2");
      assert.equal(await greetingOf(mesh, { port: 9000 }), "echo-v1");
    },
  ),
  tcpProof(
    "match[].sourceLabels",
    "is decided by the caller's labels",
    `{match: [{sourceLabels: {tier: app}}], route: [${to(2)}]}, {route: [${to(1)}]}`,
    async (mesh) => {
      assert.equal(await greetingOf(mesh, { from: "mobile" }), "echo-v2");
      assert.equal(await greetingOf(mesh), "echo-v1");
    },
  ),
  tcpProof(
    "match[].sourceNamespace",
    "is decided by the caller's namespace",
    `{match: [{sourceNamespace: bank}], route: [${to(2)}]}, {route: [${to(1)}]}`,
    async (mesh) => {
      const host = `${mesh.id}.shop`;
      assert.equal(await greetingOf(mesh, { from: "teller", host }), "echo-v2");
      assert.equal(await greetingOf(mesh), "echo-v1");
    },
  ),
  tcpProof(
    "match[].gateways",
    "never applies for gateways alone",
    `{match: [{gateways: [edge]}], route: [${to(2)}]}, {route: [${to(1)}]}`,
    async (mesh) => {
      assert.equal(await greetingOf(mesh), "echo-v1");
    },
  ),
  proof(
    VS,
    "tcp[].match[].destinationSubnets",
    "is decided by the address that was asked for",
    async (mesh) => {
      const { address, world } = mesh;
      await mesh.applyOne(
        "ServiceEntry",
        `hosts: [NAME.test], addresses: [${address}], ports: [{number: 9000, name: tcp, protocol: TCP}], resolution: STATIC, endpoints: [{address: 127.0.0.1, ports: {tcp: ${world.streams.echo[0]}}, labels: {version: v1}}, {address: 127.0.0.1, ports: {tcp: ${world.streams.echo[1]}}, labels: {version: v2}}]`,
      );
      mesh.host = `${mesh.id}.test`;
      await mesh.virtualService(
        `tcp: [{match: [{destinationSubnets: ["${address}/32"]}], route: [${to(2)}]}, {route: [${to(1)}]}]`,
      );
      assert.equal(await greetingOf(mesh, { host: address }), "echo-v2");
      assert.equal(await greetingOf(mesh, { host: mesh.host }), "echo-v1");
    },
  ),
];

/** What the server behind TLS of its own says first, asked for by `serverName`. */
async function secureGreeting(
  mesh: CaseMesh,
  { host = mesh.host, serverName = mesh.host, from = "front", port = 443 } = {},
): Promise<string> {
  const { status, socket } = await mesh.connect(`${host}:${port}`, from);
  assert.equal(status, "200");
  const secured = tls.connect({
    socket,
    servername: serverName,
    ca: mesh.world.streams.authorityPem,
    checkServerIdentity: () => undefined, // who answers is told by its greeting
  });
  secured.on("error", () => undefined); // told by its end
  const greeting = await readUntil(secured, "\n");
  secured.destroy();
  return greeting;
}

/** A case of `tls[]` for `a.<id>.secure.test` and its siblings, served by both versions of secure. */
function tlsProof(
  fields: string,
  title: string,
  routes: string,
  run: (mesh: CaseMesh, name: (first: string) => string) => Promise<void>,
): ConformanceCase {
  return proof(
    VS,
    fields.replaceAll(/\S+/g, (one) => `tls[].${one}`),
    title,
    async (mesh) => {
      const base = `${mesh.id}.secure.test`;
      const [one, two] = mesh.world.streams.secure;
      const ports =
        "[{number: 443, name: tls, protocol: TLS}, {number: 8443, name: tls-more, protocol: TLS}]";
      const endpoint = (port: number, version: string) =>
        `{address: 127.0.0.1, ports: {tls: ${port}, tls-more: ${port}}, labels: {version: ${version}}}`;
      await mesh.applyOne(
        "ServiceEntry",
        `hosts: [a.${base}, b.${base}], addresses: [${mesh.address}], ports: ${ports}, resolution: STATIC, endpoints: [${endpoint(one, "v1")}, ${endpoint(two, "v2")}]`,
      );
      mesh.host = `a.${base}`;
      const filled = routes.replaceAll("BASE", base);
      await mesh.applyOne(VS, `hosts: [a.${base}, b.${base}], tls: [${filled}]`);
      await run(mesh, (first) => `${first}.${base}`);
    },
  );
}

const secureTo = (version: number) => `route: [{destination: {host: HOST, subset: v${version}}}]`;
const A = "sniHosts: [a.BASE]";

const tlsCases: readonly ConformanceCase[] = [
  tlsProof(
    "match[].sniHosts route[].destination.host route[].destination.subset",
    "carries TLS on unopened, by the name in its hello",
    `{match: [{${A}}], ${secureTo(1)}}, {match: [{sniHosts: [b.BASE]}], ${secureTo(2)}}`,
    async (mesh, name) => {
      assert.equal(await secureGreeting(mesh, { serverName: name("a") }), "secure-v1");
      assert.equal(
        await secureGreeting(mesh, { host: name("b"), serverName: name("b") }),
        "secure-v2",
      );
    },
  ),
  tlsProof(
    "route[].weight",
    "shares connections by weight",
    `{match: [{${A}}], route: [{destination: {host: HOST, subset: v1}, weight: 0}, {destination: {host: HOST, subset: v2}, weight: 5}]}`,
    async (mesh) => {
      for (let sent = 0; sent < 4; sent++) assert.equal(await secureGreeting(mesh), "secure-v2");
    },
  ),
  tlsProof(
    "match[].port route[].destination.port.number",
    "is decided by the port that was asked for, and leads to that port",
    `{match: [{${A}, port: 8443}], route: [{destination: {host: HOST, subset: v2, port: {number: 8443}}}]}, {match: [{${A}}], ${secureTo(1)}}`,
    async (mesh) => {
      assert.equal(await secureGreeting(mesh, { port: 8443 }), "secure-v2");
      assert.equal(await secureGreeting(mesh), "secure-v1");
    },
  ),
  tlsProof(
    "match[].sourceLabels",
    "is decided by the caller's labels",
    `{match: [{${A}, sourceLabels: {tier: app}}], ${secureTo(2)}}, {match: [{${A}}], ${secureTo(1)}}`,
    async (mesh) => {
      assert.equal(await secureGreeting(mesh, { from: "mobile" }), "secure-v2");
      assert.equal(await secureGreeting(mesh), "secure-v1");
    },
  ),
  tlsProof(
    "match[].sourceNamespace",
    "is decided by the caller's namespace",
    `{match: [{${A}, sourceNamespace: bank}], ${secureTo(2)}}, {match: [{${A}}], ${secureTo(1)}}`,
    async (mesh) => {
      assert.equal(await secureGreeting(mesh, { from: "teller" }), "secure-v2");
      assert.equal(await secureGreeting(mesh), "secure-v1");
    },
  ),
  tlsProof(
    "match[].gateways",
    "never applies for gateways alone",
    `{match: [{${A}, gateways: [edge]}], ${secureTo(2)}}, {match: [{${A}}], ${secureTo(1)}}`,
    async (mesh) => {
      assert.equal(await secureGreeting(mesh), "secure-v1");
    },
  ),
  tlsProof(
    "match[].destinationSubnets",
    "is decided by the address that was asked for",
    `{match: [{${A}, destinationSubnets: ["127.9.0.0/16"]}], ${secureTo(2)}}, {match: [{${A}}], ${secureTo(1)}}`,
    async (mesh, name) => {
      const byAddress = { host: mesh.address, serverName: name("a") };
      assert.equal(await secureGreeting(mesh, byAddress), "secure-v2");
      assert.equal(await secureGreeting(mesh), "secure-v1");
    },
  ),
  proof(
    VS,
    "tls",
    "is not needed: TLS to a workload with a sidecar reaches the app as it is",
    async (mesh) => {
      await mesh.applyOne("Service", SECURE);
      const greeting = await secureGreeting(mesh, { serverName: "a.secure.test" });
      assert.match(greeting, /^secure-v/);
    },
  ),
];

export const streamCases: readonly ConformanceCase[] = [...tcpCases, ...tlsCases];
