import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const KIND = "Bypass";
const FAULT =
  "hosts: [HOST], http: [{fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, ROUTE}]";
const DENY = "selector: {matchLabels: {app: vault}}, action: DENY, rules: [{}]";
const HOUR_MS = 3_600_000;

const until = (offsetMs: number) => `until: "${new Date(Date.now() + offsetMs).toISOString()}"`;
const isMet = async (mesh: CaseMesh, from: string) => (await mesh.call({ from })).status === 418;

export const bypassCases: readonly ConformanceCase[] = [
  proof(
    KIND,
    "source source.service destination destination.host until",
    "takes the calls of this service to that host past its rules, until then",
    async (mesh) => {
      await mesh.applyOne("VirtualService", FAULT);
      const pair = "source: {service: front}, destination: {host: HOST}";
      await mesh.apply(mesh.document(KIND, `${pair}, ${until(HOUR_MS)}`));
      assert.deepEqual([await isMet(mesh, "front"), await isMet(mesh, "mobile")], [false, true]);
      await mesh.apply(mesh.document(KIND, `${pair}, ${until(-1000)}`));
      assert.equal(await isMet(mesh, "front"), true);
      await mesh.apply(mesh.document(KIND, `${pair}, ${until(HOUR_MS)}`));
    },
  ),
  proof(KIND, "source.workload", "takes the calls of this workload alone", async (mesh) => {
    await mesh.applyOne("VirtualService", FAULT);
    const pair = "source: {workload: front}, destination: {host: HOST}";
    await mesh.apply(mesh.document(KIND, `${pair}, ${until(HOUR_MS)}`));
    assert.deepEqual([await isMet(mesh, "front"), await isMet(mesh, "mobile")], [false, true]);
  }),
  proof(
    KIND,
    "workload includeAuthorization",
    "takes a workload past the rules on its way in; its policies only where that is said",
    async (mesh) => {
      await mesh.applyOne("AuthorizationPolicy", DENY);
      const statusOf = async () => (await mesh.call({ host: "vault" })).status;
      await mesh.apply(mesh.document(KIND, `workload: vault, ${until(HOUR_MS)}`));
      assert.equal(await statusOf(), 403);
      const open = "workload: vault, includeAuthorization: true";
      await mesh.apply(mesh.document(KIND, `${open}, ${until(HOUR_MS)}`));
      assert.equal(await statusOf(), 200);
    },
    { isAlone: true },
  ),
];
