import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { waitFor } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const KIND = "PeerAuthentication";
const VAULT = "selector: {matchLabels: {app: vault}}";

/** What becomes of plaintext to vault's port: the app's answer, or a connection closed without a byte. */
async function plaintext(mesh: CaseMesh, index = 0): Promise<"answered" | "closed"> {
  const socket = net.connect(mesh.world.inboundPort("vault", index), "127.0.0.1");
  mesh.after(() => void socket.destroy());
  socket.on("error", () => undefined); // told by its end
  let got = "";
  socket.on("data", (chunk: Buffer) => (got += chunk.toString()));
  socket.write("GET / HTTP/1.1\r\nHost: vault\r\nConnection: close\r\n\r\n");
  await once(socket, "close");
  assert.match(got, /^$|^HTTP\/1\.1 200/);
  return got === "" ? "closed" : "answered";
}

/** Whether a caller with a sidecar is served, and by mTLS. */
async function byMtls(mesh: CaseMesh): Promise<boolean> {
  const answer = await mesh.call({ host: "vault" });
  assert.equal(answer.status, 200, answer.text);
  return answer.seen.headers["x-forwarded-client-cert"] !== undefined;
}

const alone = (fields: string, title: string, run: ConformanceCase["run"]) =>
  proof(KIND, fields, title, run, { isAlone: true });

export const peerAuthenticationCases: readonly ConformanceCase[] = [
  alone(
    "mtls.mode",
    "STRICT closes plaintext without a byte; PERMISSIVE serves both; under DISABLE callers speak plaintext by themselves",
    async (mesh) => {
      assert.deepEqual([await plaintext(mesh), await byMtls(mesh)], ["answered", true]);
      await mesh.applyOne(KIND, `${VAULT}, mtls: {mode: STRICT}`);
      assert.deepEqual([await plaintext(mesh), await byMtls(mesh)], ["closed", true]);
      await mesh.applyOne(KIND, `${VAULT}, mtls: {mode: PERMISSIVE}`);
      assert.deepEqual([await plaintext(mesh), await byMtls(mesh)], ["answered", true]);
      await mesh.applyOne(KIND, `${VAULT}, mtls: {mode: DISABLE}`);
      assert.equal(await plaintext(mesh), "answered");
      // Callers are told once the server's proxy runs it.
      await waitFor("callers speak plaintext", 20_000, async () => !(await byMtls(mesh)));
    },
  ),
  alone(
    "selector.matchLabels",
    "of a workload goes before its namespace's, that before the mesh's; UNSET inherits",
    async (mesh) => {
      const { id } = mesh;
      await mesh.applyOne(KIND, "mtls: {mode: STRICT}", {
        name: `${id}-mesh`,
        namespace: "istio-system",
      });
      assert.equal(await plaintext(mesh), "closed");
      await mesh.applyOne(KIND, "mtls: {mode: PERMISSIVE}", { name: `${id}-ns` });
      assert.equal(await plaintext(mesh), "answered");
      await mesh.applyOne(KIND, `${VAULT}, mtls: {mode: STRICT}`);
      assert.equal(await plaintext(mesh), "closed");
      await mesh.applyOne(KIND, `${VAULT}, mtls: {mode: UNSET}`);
      assert.equal(await plaintext(mesh), "answered");
    },
  ),
  alone("selector", "left out holds for the whole namespace", async (mesh) => {
    await mesh.applyOne(KIND, "mtls: {mode: STRICT}");
    assert.equal(await plaintext(mesh), "closed");
  }),
  alone(
    "portLevelMtls.*.mode",
    "holds for one port of the workload, whatever the others do",
    async (mesh) => {
      const port = mesh.world.apps.get("vault-admin")?.port;
      await mesh.applyOne(
        KIND,
        `${VAULT}, mtls: {mode: PERMISSIVE}, portLevelMtls: {"${port}": {mode: STRICT}}`,
      );
      assert.deepEqual(
        [await plaintext(mesh, 0), await plaintext(mesh, 1)],
        ["answered", "closed"],
      );
      await mesh.applyOne(
        KIND,
        `${VAULT}, mtls: {mode: STRICT}, portLevelMtls: {"${port}": {mode: PERMISSIVE}}`,
      );
      assert.deepEqual(
        [await plaintext(mesh, 0), await plaintext(mesh, 1)],
        ["closed", "answered"],
      );
      await mesh.applyOne(
        KIND,
        `${VAULT}, mtls: {mode: STRICT}, portLevelMtls: {"${port}": {mode: UNSET}}`,
      );
      assert.equal(await plaintext(mesh, 1), "closed", "UNSET inherits from the workload");
    },
  ),
  alone("portLevelMtls", "refuses ports without a selector", (mesh) =>
    mesh.refused(KIND, 'mtls: {mode: STRICT}, portLevelMtls: {"80": {mode: STRICT}}', /selector/),
  ),
];
