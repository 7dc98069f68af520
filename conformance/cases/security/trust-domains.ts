import assert from "node:assert/strict";
import { once } from "node:events";
import tls from "node:tls";
import { TestAuthority, type TestCertificate } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const ROOT = { namespace: "istio-system" };
const front = { namespace: "shop", workload: "front", service: "front" };

/** Calls vault as a sidecar that shows this certificate; the identity it is known by, or `refused`. */
async function callAs(mesh: CaseMesh, shown: TestCertificate): Promise<string> {
  const before = mesh.seenBy("vault").length;
  const socket = tls.connect({
    port: mesh.world.inboundPort("vault"),
    host: "127.0.0.1",
    key: shown.keyPem,
    cert: shown.chainPem,
    rejectUnauthorized: false, // it is the caller who is put to the test
    ALPNProtocols: ["istio-http/1.1"],
  });
  mesh.after(() => void socket.destroy());
  socket.on("error", () => undefined); // told by its end
  socket.resume();
  socket.write(`GET / HTTP/1.1\r\nHost: vault\r\nx-case: ${mesh.id}\r\nConnection: close\r\n\r\n`);
  await once(socket, "close");
  const seen = mesh.seenBy("vault")[before];
  if (seen === undefined) return "refused";
  return /URI=([^;,]+)$/.exec(seen.headers["x-forwarded-client-cert"] ?? "")?.[1] ?? "nobody";
}

const alone = (fields: string, title: string, run: ConformanceCase["run"]) =>
  proof("MeshConfig", fields, title, run, { isAlone: true });

const rootOf = ({ trustBundlePem }: TestAuthority) => `pem: ${JSON.stringify(trustBundlePem)}`;

export const trustDomainCases: readonly ConformanceCase[] = [
  alone(
    "caCertificates caCertificates[].pem",
    "without trust domains are roots of the mesh's own beside its authority's",
    async (mesh) => {
      const other = await TestAuthority.create();
      const shown = await other.issueWorkload(front);
      assert.equal(await callAs(mesh, shown), "refused");
      await mesh.applyOne("MeshConfig", `caCertificates: [{${rootOf(other)}}]`, ROOT);
      assert.equal(await callAs(mesh, shown), "spiffe://cluster.local/ns/shop/sa/front");
    },
  ),
  alone(
    "caCertificates[].trustDomains",
    "are the domains whose identities a root speaks for, and no others",
    async (mesh) => {
      const partner = await TestAuthority.create("partner.example");
      const theirs = await partner.issueWorkload(front);
      assert.equal(await callAs(mesh, theirs), "refused");
      const spec = `caCertificates: [{${rootOf(partner)}, trustDomains: [partner.example]}]`;
      await mesh.applyOne("MeshConfig", spec, ROOT);
      assert.equal(await callAs(mesh, theirs), "spiffe://partner.example/ns/shop/sa/front");
      const forged = await partner.issueWorkload({ ...front, trustDomain: "cluster.local" });
      assert.equal(await callAs(mesh, forged), "refused");
    },
  ),
  alone(
    "trustDomainAliases",
    "are names of the mesh's own domain: their identities are taken, and meant by policies",
    async (mesh) => {
      const own = await TestAuthority.create();
      const shown = await own.issueWorkload({ ...front, trustDomain: "old.example" });
      const roots = `caCertificates: [{${rootOf(own)}}]`;
      await mesh.applyOne("MeshConfig", roots, ROOT);
      assert.equal(await callAs(mesh, shown), "refused");
      const spec = `${roots}, trustDomainAliases: [old.example]`;
      await mesh.applyOne("MeshConfig", spec, ROOT);
      const identity = "spiffe://old.example/ns/shop/sa/front";
      assert.equal(await callAs(mesh, shown), identity);
      const only = (principal: string) =>
        mesh.applyOne(
          "AuthorizationPolicy",
          `selector: {matchLabels: {app: vault}}, rules: [{from: [{source: {principals: ["${principal}"]}}]}]`,
        );
      await only("cluster.local/ns/shop/sa/front");
      assert.equal(await callAs(mesh, shown), identity);
      await only("cluster.local/ns/shop/sa/mobile");
      assert.equal(await callAs(mesh, shown), "refused");
    },
  ),
];
