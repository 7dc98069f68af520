import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const KIND = "TrafficPolicy";
const FAULT = "fault: {abort: {httpStatus: 418, percentage: {value: 100}}}";

async function isMet(mesh: CaseMesh, from: string): Promise<boolean> {
  return (await mesh.call({ from, host: `${mesh.id}.shop` })).status === 418;
}

const SOURCES: Readonly<Record<string, [source: string, title: string, meets: readonly string[]]>> =
  {
    namespace: ["namespace: bank", "callers of this namespace", ["teller"]],
    service: ["service: mobile", "callers of this service", ["mobile"]],
    workload: ["workload: front", "this workload", ["front"]],
    labels: ["labels: {tier: web}", "callers with these labels", ["front"]],
  };

export const trafficPolicyCases: readonly ConformanceCase[] = [
  ...Object.entries(SOURCES).map(([field, [source, title, meets]]) =>
    proof(KIND, `sources[].${field}`, `meets ${title} alone`, async (mesh) => {
      await mesh.applyOne(KIND, `sources: [{${source}}], destinations: [{host: HOST}], ${FAULT}`);
      for (const from of ["front", "mobile", "teller"]) {
        assert.equal(await isMet(mesh, from), meets.includes(from), from);
      }
    }),
  ),
  proof(
    KIND,
    "sources",
    "are alternatives, the parts of one go together, and none means everybody",
    async (mesh) => {
      const to = `destinations: [{host: HOST}], ${FAULT}`;
      const sources = "[{namespace: shop, service: front}, {namespace: bank, labels: {tier: web}}]";
      await mesh.applyOne(KIND, `sources: ${sources}, ${to}`);
      assert.deepEqual(
        [await isMet(mesh, "front"), await isMet(mesh, "mobile"), await isMet(mesh, "teller")],
        [true, false, false],
      );
      await mesh.applyOne(KIND, to);
      assert.deepEqual([await isMet(mesh, "mobile"), await isMet(mesh, "teller")], [true, true]);
    },
  ),
  proof(
    KIND,
    "destinations[].host destinations[].subset",
    "hold for that host, or that subset of it",
    async (mesh) => {
      await mesh.apply(
        mesh.document(
          "DestinationRule",
          "host: HOST, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]",
        ),
        mesh.document(
          "VirtualService",
          "hosts: [HOST], http: [{match: [{uri: {exact: /v1}}], V1}, {V2}]",
        ),
        mesh.document(
          KIND,
          "destinations: [{host: HOST, subset: v1}], fault: {scope: upstream, abort: {httpStatus: 418, percentage: {value: 100}}}",
        ),
      );
      assert.equal((await mesh.call("/v1")).status, 418);
      assert.equal((await mesh.call("/v2")).status, 200);
    },
  ),
];
