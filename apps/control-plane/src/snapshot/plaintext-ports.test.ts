import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "../registry/registry.ts";
import { compileSnapshot } from "./config-snapshot.ts";
import { MeshView } from "./mesh-view.ts";
import { document, parseDocuments } from "./test-documents.ts";

const reviews = { namespace: "shop", name: "reviews" };
const disable = document(
  "PeerAuthentication",
  "reviews",
  "shop",
  "{selector: {matchLabels: {app: reviews}}, mtls: {mode: DISABLE}}",
);

/** A mesh with shop/reviews on a proxy; `run` is the proxy's word that it runs what it was told. */
function meshWith(morePorts: { appPort: number; inboundPort: number }[], ...texts: string[]) {
  const registry = new Registry();
  const about = { name: "host-a", version: "1" };
  const proxy = { id: "px-1", namespace: "shop", workload: undefined, lastSeenAtMs: 0, ...about };
  registry.addProxy(proxy);
  const more = morePorts.map((one) => ({ ...one, protocol: "http" as const }));
  const registration = {
    ...{ namespace: "shop", workload: "reviews", service: "reviews", labels: { app: "reviews" } },
    ...{ instanceId: "px-1/shop/reviews", address: "127.0.0.1", inboundPort: 15_006 },
    ...{ appPort: 9000, protocol: "http" as const },
    ...(more.length > 0 && { morePorts: more }),
  };
  registry.connect("px-1", about, [registration], 1000, 0);
  const mesh = new MeshView(registry, "cluster.local");
  let revision = 0;
  const apply = (...documents: string[]) =>
    mesh.replaceSnapshot(compileSnapshot(++revision, parseDocuments(...documents)));
  apply(...texts);
  const run = () => {
    const { resources } = mesh.cut(registry.instancesOfProxy("px-1"), []);
    const touched = mesh.noteRunning("px-1", resources.values());
    mesh.forgetEndpoints(touched);
    return [...touched];
  };
  const plaintextPorts = () => mesh.endpoints(reviews).endpoints[0]?.plaintextPorts;
  return { apply, run, plaintextPorts };
}

test("callers hear of DISABLE once the server's proxy runs it, and of its end likewise", () => {
  const { apply, run, plaintextPorts } = meshWith([]);
  assert.deepEqual(run(), []);
  apply(disable);
  assert.equal(plaintextPorts(), undefined, "the server still ends TLS");
  assert.deepEqual(run(), ["shop/reviews"]);
  assert.deepEqual(plaintextPorts(), [9000]);
  assert.deepEqual(run(), [], "nothing new");
  apply();
  assert.deepEqual(plaintextPorts(), [9000], "the server does not know yet");
  assert.deepEqual(run(), ["shop/reviews"]);
  assert.equal(plaintextPorts(), undefined);
});

test("of a proxy that has not said yet what it runs, callers hear what it will be told", () => {
  assert.deepEqual(meshWith([], disable).plaintextPorts(), [9000]);
});

test("plaintext ports are told by the keys under which callers look ports up", () => {
  const admin = [{ appPort: 9001, inboundPort: 15_007 }];
  const ofPort = document(
    "PeerAuthentication",
    "reviews",
    "shop",
    '{selector: {matchLabels: {app: reviews}}, mtls: {mode: STRICT}, portLevelMtls: {"9001": {mode: DISABLE}}}',
  );
  assert.deepEqual(meshWith(admin, ofPort).plaintextPorts(), [9001]);
  const service = document(
    "Service",
    "reviews",
    "shop",
    "{selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: 9000}, {name: admin, port: 81, targetPort: 9001}]}",
  );
  assert.deepEqual(meshWith(admin, ofPort, service).plaintextPorts(), [81]);
});
