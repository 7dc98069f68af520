import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const SIDECAR = { namespace: "bank" };

/** A case of a Sidecar for the namespace of teller. */
function sidecarProof(
  fields: string,
  title: string,
  spec: string,
  run: (mesh: CaseMesh) => Promise<void>,
): ConformanceCase {
  return proof(
    "Sidecar",
    fields,
    title,
    async (mesh) => {
      await mesh.applyOne("Sidecar", spec, SIDECAR);
      await run(mesh);
    },
    { isAlone: true },
  );
}

const isReached = async (mesh: CaseMesh, host: string) =>
  (await mesh.call({ from: "teller", host })).app !== undefined;

const STRICTLY = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";

export const sidecarCases: readonly ConformanceCase[] = [
  sidecarProof(
    "egress[].hosts",
    "takes every other host away from the namespace's workloads",
    `egress: [{hosts: ["shop/ratings.shop.svc.cluster.local", "./*"]}], ${STRICTLY}`,
    async (mesh) => {
      assert.equal(await isReached(mesh, "ratings.shop"), true);
      assert.equal(await isReached(mesh, "reviews.shop"), false);
    },
  ),
  sidecarProof(
    "egress[].hosts",
    "*/* takes nothing away, ~namespace/… excludes",
    `egress: [{hosts: ["*/*", "~shop/reviews.shop.svc.cluster.local"]}], ${STRICTLY}`,
    async (mesh) => {
      assert.equal(await isReached(mesh, "ratings.shop"), true);
      assert.equal(await isReached(mesh, "reviews.shop"), false);
    },
  ),
  sidecarProof(
    "workloadSelector.labels",
    "holds for workloads with these labels alone",
    `workloadSelector: {labels: {tier: nobody}}, egress: [{hosts: ["./*"]}], ${STRICTLY}`,
    async (mesh) => {
      assert.equal(await isReached(mesh, "reviews.shop"), true);
      const spec = `workloadSelector: {labels: {tier: desk}}, egress: [{hosts: ["./*"]}], ${STRICTLY}`;
      await mesh.applyOne("Sidecar", spec, SIDECAR);
      assert.equal(await isReached(mesh, "reviews.shop"), false);
    },
  ),
  sidecarProof(
    "outboundTrafficPolicy.mode",
    "REGISTRY_ONLY refuses hosts that nobody has named, ALLOW_ANY passes them on",
    STRICTLY,
    async (mesh) => {
      const app = await mesh.app("outside");
      const host = `127.0.0.1:${app.port}`;
      const refused = await mesh.call({ from: "teller", host });
      assert.equal(refused.status, 502);
      assert.match(refused.text, /REGISTRY_ONLY/);
      await mesh.applyOne("Sidecar", "outboundTrafficPolicy: {mode: ALLOW_ANY}", SIDECAR);
      assert.equal((await mesh.call({ from: "teller", host })).app, "outside");
    },
  ),
];
