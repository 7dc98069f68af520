import assert from "node:assert/strict";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";

const KIND = "RateLimit";
const VAULT = "selector: {matchLabels: {app: vault}}";

/** A case of one limit, of two requests an hour where it says nothing else, on the workload vault. */
function limitProof(
  fields: string,
  title: string,
  limit: string,
  run: (mesh: CaseMesh) => Promise<void>,
): ConformanceCase {
  return proof(
    KIND,
    fields,
    title,
    async (mesh) => {
      const rate = limit.includes("requests:") ? "" : ", requests: 2, per: 1h";
      await mesh.applyOne(KIND, `${VAULT}, limits: [{name: NAME, ${limit}${rate}}]`);
      await run(mesh);
    },
    { isAlone: true },
  );
}

const ask = async (mesh: CaseMesh, options: CallOptions = {}) =>
  (await mesh.call({ host: "vault", ...options })).status;

/** Whether the third request of this kind is one too many. */
async function isLimited(mesh: CaseMesh, options: CallOptions): Promise<boolean> {
  await ask(mesh, options);
  await ask(mesh, options);
  return (await ask(mesh, options)) === 429;
}

type MatchRow = readonly [field: string, match: string, takes: CallOptions, leaves: CallOptions];
const header = (value: string): CallOptions => ({ headers: { "x-user": value } });
const MATCHES: readonly MatchRow[] = [
  ["uri.exact", "uri: {exact: /a}", { path: "/a?x" }, { path: "/ab" }],
  ["uri.prefix", "uri: {prefix: /a}", { path: "/ab" }, { path: "/b" }],
  ["uri.regex", 'uri: {regex: "/[0-9]+"}', { path: "/12" }, { path: "/12a" }],
  ["ignoreUriCase", "uri: {prefix: /a}, ignoreUriCase: true", { path: "/AB" }, { path: "/b" }],
  ["method.exact", "method: {exact: POST}", { method: "POST" }, {}],
  ["method.prefix", "method: {prefix: P}", { method: "PUT" }, {}],
  ["method.regex", 'method: {regex: "P.*T"}', { method: "POST" }, { method: "PATCH" }],
  ["authority.exact", "authority: {exact: vault}", {}, { host: "vault.shop" }],
  ["authority.prefix", "authority: {prefix: vault.}", { host: "vault.shop" }, {}],
  ["authority.regex", 'authority: {regex: "v.*t"}', {}, { host: "vault.shop" }],
  ["headers.*.exact", "headers: {x-user: {exact: a}}", header("a"), header("ab")],
  ["headers.*.prefix", "headers: {x-user: {prefix: a}}", header("ab"), header("b")],
  ["headers.*.regex", 'headers: {x-user: {regex: "a.c"}}', header("abc"), header("abcd")],
  ["withoutHeaders.*.exact", "withoutHeaders: {x-user: {exact: a}}", header("b"), header("a")],
  ["withoutHeaders.*.prefix", "withoutHeaders: {x-user: {prefix: a}}", {}, header("ab")],
  ["withoutHeaders.*.regex", 'withoutHeaders: {x-user: {regex: "a.*"}}', {}, header("ab")],
  ["queryParams.*.exact", 'queryParams: {v: {exact: "1"}}', { path: "/?v=1" }, { path: "/?v=12" }],
  ["queryParams.*.prefix", 'queryParams: {v: {prefix: "1"}}', { path: "/?v=12" }, { path: "/" }],
  [
    "queryParams.*.regex",
    'queryParams: {v: {regex: "[0-9]"}}',
    { path: "/?v=1" },
    { path: "/?v=a" },
  ],
];

export const rateLimitCases: readonly ConformanceCase[] = [
  limitProof(
    "limits[].requests limits[].per limits[].name",
    "answers 429 with flag RL, and says in standard headers what is left and until when",
    "requests: 3, per: 1m",
    async (mesh) => {
      const statuses: number[] = [];
      for (let sent = 0; sent < 5; sent++) statuses.push(await ask(mesh));
      assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
      const { headers, text } = await mesh.call({ host: "vault" });
      assert.equal(headers["x-heddle-flags"], "RL");
      assert.equal(headers["x-envoy-ratelimited"], "true");
      assert.match(headers["ratelimit-policy"] ?? "", /3/);
      assert.equal(headers["x-ratelimit-remaining"], "0");
      assert.ok(Number(headers["retry-after"]) >= 1);
      assert.match(text, new RegExp(mesh.id));
    },
  ),
  limitProof(
    "limits[].burst",
    "lets so many through at once",
    "requests: 100, per: 1h, burst: 1",
    async (mesh) => {
      assert.deepEqual([await ask(mesh), await ask(mesh)], [200, 429]);
    },
  ),
  limitProof("limits[].shadow", "counts and refuses nobody", "shadow: true", async (mesh) => {
    assert.equal(await isLimited(mesh, {}), false);
  }),
  limitProof(
    "limits[].key.sourceWorkload",
    "counts each calling workload apart",
    "key: {sourceWorkload: {}}",
    async (mesh) => {
      assert.equal(await isLimited(mesh, {}), true);
      assert.equal(await ask(mesh, { from: "mobile" }), 200);
    },
  ),
  limitProof(
    "limits[].key.header",
    "counts each value of the header apart",
    "key: {header: x-user}",
    async (mesh) => {
      assert.equal(await isLimited(mesh, header("ann")), true);
      assert.equal(await ask(mesh, header("bob")), 200);
    },
  ),
  limitProof(
    "limits[].key.sourceAddress",
    "counts each calling address apart",
    "key: {sourceAddress: {}}",
    async (mesh) => {
      assert.equal(await isLimited(mesh, {}), true);
      const direct = await mesh.direct(mesh.world.inboundPort("vault"), {
        localAddress: mesh.address,
      });
      assert.equal(direct.status, 200);
    },
  ),
  limitProof(
    "selector.matchLabels",
    "holds for workloads with these labels alone",
    "requests: 1, per: 1h",
    async (mesh) => {
      assert.deepEqual([await ask(mesh), await ask(mesh)], [200, 429]);
      for (let sent = 0; sent < 3; sent++) {
        assert.equal((await mesh.call({ host: "ratings" })).status, 200);
      }
    },
  ),
  ...MATCHES.map(([field, match, takes, leaves]) =>
    limitProof(
      `limits[].match[].${field}`,
      "is as in a route's match",
      `match: [{${match}}]`,
      async (mesh) => {
        assert.equal(await isLimited(mesh, leaves), false);
        assert.equal(await isLimited(mesh, takes), true);
      },
    ),
  ),
];
