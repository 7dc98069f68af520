import assert from "node:assert/strict";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { TestAuthority } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, policyProofs } from "../../harness/conformance-case.ts";

/** An HTTPS server that answers with the name it was asked for and who has asked. */
type TlsServer = {
  readonly port: number;
  /** Who has signed its certificate, as a file. */
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
};

async function startTlsServer(mesh: CaseMesh, asksClient = false): Promise<TlsServer> {
  const authority = await TestAuthority.create();
  const { keyPem, chainPem } = await authority.issueServer(["localhost", "api.secure.test"]);
  const client = await authority.issueServer(["client.secure.test"]);
  const server = https.createServer(
    {
      key: keyPem,
      cert: chainPem,
      ca: authority.trustBundlePem,
      requestCert: asksClient,
      rejectUnauthorized: asksClient,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      const by = asksClient ? socket.getPeerCertificate().subjectaltname : "";
      response.writeHead(200, {
        "x-app": "tls",
        "x-sni": String(socket.servername),
        "x-by": by ?? "",
      });
      response.end("{}");
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  mesh.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    port: (server.address() as AddressInfo).port,
    caFile: mesh.file("ca.pem", authority.trustBundlePem),
    certificateFile: mesh.file("client.pem", client.chainPem),
    keyFile: mesh.file("client.key", client.keyPem),
  };
}

function tlsProofs(
  fields: string,
  title: string,
  run: (mesh: CaseMesh, server: TlsServer, begin: (tls: string) => Promise<void>) => Promise<void>,
  asksClient = false,
): ConformanceCase[] {
  const named = fields.replaceAll(/\S+/g, (field) => `tls.${field}`);
  return policyProofs(named, title, async (mesh) => {
    const server = await startTlsServer(mesh, asksClient);
    await mesh.serve([server]);
    await mesh.routes("retries: {attempts: 0}, ROUTE");
    await run(mesh, server, (tls) => mesh.policy(`tls: {${tls}}`));
  });
}

async function refusal(mesh: CaseMesh): Promise<string> {
  const answer = await mesh.call();
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UF"]);
  return answer.text;
}

export const clientTlsCases: readonly ConformanceCase[] = [
  ...tlsProofs(
    "mode caCertificates sni",
    "SIMPLE begins TLS for an app that speaks plaintext, asks for a name, and checks the certificate",
    async (mesh, { caFile }, begin) => {
      await begin(`mode: SIMPLE, caCertificates: ${caFile}, sni: api.secure.test`);
      const answer = await mesh.call();
      assert.deepEqual([answer.status, answer.headers["x-sni"]], [200, "api.secure.test"]);
      await begin("mode: SIMPLE, sni: api.secure.test");
      assert.match(await refusal(mesh), /certificate/i);
    },
  ),
  ...tlsProofs(
    "subjectAltNames",
    "demands one of these names in the server's certificate",
    async (mesh, { caFile }, begin) => {
      const tls = `mode: SIMPLE, caCertificates: ${caFile}, sni: api.secure.test`;
      await begin(`${tls}, subjectAltNames: [x.secure.test, api.secure.test]`);
      assert.equal((await mesh.call()).status, 200);
      await begin(`${tls}, subjectAltNames: [x.secure.test]`);
      assert.match(await refusal(mesh), /x\.secure\.test/);
    },
  ),
  ...tlsProofs("insecureSkipVerify", "takes whoever answers", async (mesh, _server, begin) => {
    await begin("mode: SIMPLE, insecureSkipVerify: true");
    assert.equal((await mesh.call()).status, 200);
  }),
  ...tlsProofs(
    "clientCertificate privateKey",
    "MUTUAL shows the server this certificate",
    async (mesh, { caFile, certificateFile, keyFile }, begin) => {
      const tls = `caCertificates: ${caFile}, sni: api.secure.test`;
      await begin(
        `mode: MUTUAL, ${tls}, clientCertificate: ${certificateFile}, privateKey: ${keyFile}`,
      );
      assert.match((await mesh.call()).headers["x-by"] ?? "", /client\.secure\.test/);
    },
    true,
  ),
  ...policyProofs(
    "tls.mode",
    "DISABLE, which a mode left out means too, is plaintext to a sidecar; ISTIO_MUTUAL is mTLS",
    async (mesh) => {
      const peer = async () => (await mesh.call()).seen.headers["x-forwarded-client-cert"];
      assert.match((await peer()) ?? "", /sa\/front/);
      await mesh.policy("tls: {mode: DISABLE}");
      assert.equal(await peer(), undefined);
      await mesh.policy("tls: {mode: ISTIO_MUTUAL}");
      assert.match((await peer()) ?? "", /sa\/front/);
      await mesh.policy("tls: {sni: x.test}");
      assert.equal(await peer(), undefined);
    },
  ),
];
