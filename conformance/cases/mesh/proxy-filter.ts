import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

const KIND = "ProxyFilter";
const STAMP = "name: stamp, settings: {value: one}";

/** A case of filters of vault; `conformance/filters/stamp.ts` is the filter. */
function filterProof(
  fields: string,
  title: string,
  filters: string,
  run: (mesh: CaseMesh) => Promise<void>,
  app = "vault",
): ConformanceCase {
  return proof(
    KIND,
    fields,
    title,
    async (mesh) => {
      await mesh.applyOne(KIND, `selector: {matchLabels: {app: ${app}}}, filters: [${filters}]`);
      await run(mesh);
    },
    { isAlone: true },
  );
}

const ask = (mesh: CaseMesh, filter?: string) =>
  mesh.call({ host: "vault", headers: filter === undefined ? {} : { "x-filter": filter } });

export const proxyFilterCases: readonly ConformanceCase[] = [
  filterProof(
    "filters[].name filters[].settings selector.matchLabels",
    "runs the proxy's own code by name, with these settings, for these workloads alone",
    `{${STAMP}}`,
    async (mesh) => {
      const answer = await ask(mesh);
      assert.equal(answer.seen.headers["x-stamp"], "inbound one");
      assert.equal(answer.headers["x-stamped"], "one");
      assert.equal((await mesh.call({ host: "ratings" })).seen.headers["x-stamp"], undefined);
    },
  ),
  filterProof(
    "filters",
    "run in their order, each seeing what those before it have changed",
    `{${STAMP}}, {name: stamp, settings: {value: two}}`,
    async (mesh) => {
      const { headers } = (await ask(mesh)).seen;
      assert.equal(headers["x-stamp"], "inbound one, inbound two");
    },
  ),
  filterProof(
    "filters[].direction",
    "outbound runs before the rules, which see what it has changed",
    `{${STAMP}, direction: outbound}`,
    async (mesh) => {
      await mesh.routes("match: [{headers: {x-stamp: {exact: outbound one}}}], V2", "V1");
      assert.equal((await mesh.call()).app, "reviews-v2");
      assert.equal((await mesh.call({ from: "mobile" })).app, "reviews-v1");
    },
    "front",
  ),
  filterProof(
    "filters[].onFailure",
    "fail, the default, answers 500 with flag HFF; skip goes on without the filter",
    `{${STAMP}}`,
    async (mesh) => {
      const failed = await ask(mesh, "throw");
      assert.deepEqual([failed.status, failed.headers["x-heddle-flags"]], [500, "HFF"]);
      await mesh.applyOne(
        KIND,
        `selector: {matchLabels: {app: vault}}, filters: [{${STAMP}, onFailure: skip}]`,
      );
      const skipped = await ask(mesh, "throw");
      assert.equal(skipped.seen.headers["x-stamp"], undefined, "nothing is left half done");
    },
  ),
  filterProof(
    "filters[].budget",
    "ends a filter that takes longer",
    `{${STAMP}, budget: 80ms}`,
    async (mesh) => {
      const answer = await ask(mesh, "dawdle");
      assert.equal(answer.status, 500);
      assert.ok(answer.tookMs >= 40 && answer.tookMs < 9_900, `${answer.tookMs} ms`);
    },
  ),
  filterProof(
    "filters[].isolation",
    "worker runs it in a thread of its own, with the same effect",
    "{name: mark, isolation: worker, budget: 5s}",
    async (mesh) => {
      assert.equal((await ask(mesh)).seen.headers["x-mark"], "seen");
    },
  ),
];
