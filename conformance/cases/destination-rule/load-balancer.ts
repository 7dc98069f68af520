import assert from "node:assert/strict";
import { type CaseMesh, countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, policyProofs, proof } from "../../harness/conformance-case.ts";
import type { CallOptions } from "../../harness/send-request.ts";

/** Requests that differ in what the hash is made of. */
type HashRow = {
  readonly fields: string;
  readonly title: string;
  readonly key: string;
  readonly request: (value: number) => CallOptions;
};

const HASHES: readonly HashRow[] = [
  {
    fields: "httpHeaderName",
    title: "sends requests with the same value of this header to the same endpoint",
    key: "httpHeaderName: x-user",
    request: (value) => ({ headers: { "x-user": `user-${value}` } }),
  },
  {
    fields: "httpQueryParameterName",
    title: "sends requests with the same query parameter to the same endpoint",
    key: "httpQueryParameterName: user",
    request: (value) => ({ path: `/?a=1&user=u${value}` }),
  },
  {
    fields: "httpCookie.name",
    title: "sends requests with the same cookie to the same endpoint",
    key: "httpCookie: {name: user}",
    request: (value) => ({ headers: { cookie: `a=b; user=u${value}` } }),
  },
  {
    fields: "ringHash.minimumRingSize",
    title: "hashes on a ring of at least that many places",
    key: "httpHeaderName: x-user, ringHash: {minimumRingSize: 4096}",
    request: (value) => ({ headers: { "x-user": `user-${value}` } }),
  },
  {
    fields: "minimumRingSize",
    title: "is the old place of the ring's size",
    key: "httpHeaderName: x-user, minimumRingSize: 64",
    request: (value) => ({ headers: { "x-user": `user-${value}` } }),
  },
  {
    fields: "maglev.tableSize",
    title: "hashes by a table of that many places",
    key: "httpHeaderName: x-user, maglev: {tableSize: 20011}",
    request: (value) => ({ headers: { "x-user": `user-${value}` } }),
  },
];

/** So many that an endpoint with a fifth of the ring gets none of them once in a million runs. */
const VALUES = 60;

/** Which app serves each value; fails when a value is served by two. */
async function placesOf(mesh: CaseMesh, request: HashRow["request"]): Promise<string[]> {
  const places: string[] = [];
  for (let value = 0; value < VALUES; value++) {
    const [first, second] = await mesh.calls(2, request(value));
    assert.equal(first?.app, second?.app, `value ${value}`);
    places.push(first?.app ?? "");
  }
  return places;
}

const hashCases: readonly ConformanceCase[] = [
  ...HASHES.flatMap(({ fields, title, key, request }) =>
    policyProofs(`loadBalancer.consistentHash.${fields}`, title, async (mesh) => {
      const apps = await mesh.apps(3);
      await mesh.serve(apps);
      await mesh.policy(`loadBalancer: {consistentHash: {${key}}}`);
      const before = await placesOf(mesh, request);
      assert.equal(new Set(before).size, 3, "all endpoints get some of the values");
      await mesh.serve(apps.slice(0, 2));
      const after = await placesOf(mesh, request);
      const moved = before.filter((app, value) => app !== "a3" && app !== after[value]).length;
      // A ring moves nobody else's; a table of maglev's may move a few.
      assert.ok(
        moved <= (key.includes("maglev") ? 8 : 0),
        `${moved} values have moved besides a3's`,
      );
    }),
  ),
  ...policyProofs(
    "loadBalancer.consistentHash.useSourceIp",
    "sends all requests of one caller to the same endpoint",
    async (mesh) => {
      await mesh.serve(await mesh.apps(3));
      await mesh.policy("loadBalancer: {consistentHash: {useSourceIp: true}}");
      for (const from of ["front", "mobile"]) {
        assert.equal(Object.keys(countByApp(await mesh.calls(8, { from }))).length, 1, from);
      }
    },
  ),
  ...policyProofs(
    "loadBalancer.consistentHash.httpCookie.ttl loadBalancer.consistentHash.httpCookie.path loadBalancer.consistentHash.httpCookie.attributes[].name loadBalancer.consistentHash.httpCookie.attributes[].value",
    "gives a caller without the cookie one, and it leads back to the same endpoint",
    async (mesh) => {
      await mesh.serve(await mesh.apps(4));
      await mesh.policy(
        "loadBalancer: {consistentHash: {httpCookie: {name: stick, path: /shop, ttl: 60s, attributes: [{name: SameSite, value: Strict}]}}}",
      );
      const first = await mesh.call();
      const [cookie = ""] = first.setCookies;
      assert.match(cookie, /^stick="?[^";]+"?;/);
      assert.match(cookie, /Max-Age=60/i);
      assert.match(cookie, /Path=\/shop/i);
      assert.match(cookie, /SameSite=Strict/);
      const headers = { cookie: cookie.split(";")[0] ?? "" };
      const again = await mesh.calls(6, { headers });
      assert.deepEqual(countByApp(again), { [first.app ?? ""]: 6 });
      assert.deepEqual(
        again.flatMap(({ setCookies }) => setCookies),
        [],
      );
    },
  ),
  ...policyProofs(
    "loadBalancer.consistentHash.httpCookie.ttl",
    "makes a session cookie with 0s, and none at all when it is absent",
    async (mesh) => {
      await mesh.serve(await mesh.apps(2));
      const cookies = async (cookie: string) => {
        await mesh.policy(`loadBalancer: {consistentHash: {httpCookie: {${cookie}}}}`);
        return (await mesh.call()).setCookies;
      };
      const [session = ""] = await cookies("name: stick, ttl: 0s");
      assert.match(session, /^stick=/);
      assert.doesNotMatch(session, /Max-Age/i);
      assert.deepEqual(await cookies("name: stick"), []);
    },
  ),
  proof(
    "DestinationRule",
    "trafficPolicy.loadBalancer.consistentHash",
    "refuses maglev without a size, as Istio's validation does",
    (mesh) =>
      mesh.refused(
        "DestinationRule",
        "host: HOST, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}}",
        /tableSize/,
      ),
  ),
];

const ENTRY = "location: MESH_EXTERNAL, resolution: STATIC";

const simpleCases: readonly ConformanceCase[] = [
  ...policyProofs("loadBalancer.simple", "ROUND_ROBIN takes turns, by weight", async (mesh) => {
    await mesh.serve(await mesh.apps(3), (_app, index) => `weight: ${index === 0 ? 2 : 1}`);
    await mesh.policy("loadBalancer: {simple: ROUND_ROBIN}");
    assert.deepEqual(countByApp(await mesh.calls(40)), { a1: 20, a2: 10, a3: 10 });
  }),
  ...policyProofs("loadBalancer.simple", "RANDOM draws each time anew", async (mesh) => {
    await mesh.serve(await mesh.apps(2));
    await mesh.policy("loadBalancer: {simple: RANDOM}");
    const apps = (await mesh.calls(60)).map(({ app }) => app);
    const { a1 = 0 } = countByApp(await mesh.calls(60));
    assert.ok(a1 >= 10 && a1 <= 50, `${a1} of 60`);
    const turns = apps.filter((app, index) => app !== apps[index - 1]).length;
    assert.ok(turns < 55, "they do not take turns");
  }),
  ...["LEAST_REQUEST", "LEAST_CONN"].flatMap((name) =>
    policyProofs(
      "loadBalancer.simple",
      `${name} avoids who has more requests under way`,
      async (mesh) => {
        await mesh.serve(await mesh.apps(2));
        await mesh.policy(`loadBalancer: {simple: ${name}}`);
        const held = mesh.hold();
        const sent: Promise<unknown>[] = [];
        while (held.count === 0) {
          const call = mesh.call({ do: `${held.do}@a1` });
          sent.push(call);
          await Promise.race([call, held.next()]);
        }
        const { a1 = 0, a2 = 0 } = countByApp(await mesh.calls(20));
        assert.ok(a2 > a1, `${a1} to the busy one, ${a2} to the other`);
        held.open();
        await Promise.all(sent);
      },
    ),
  ),
  ...policyProofs(
    "loadBalancer.simple",
    "PASSTHROUGH goes to the address that was asked for",
    async (mesh) => {
      const { address } = mesh;
      const [listed] = await mesh.apps(1);
      const asked = await mesh.app("asked", undefined, { address });
      assert.ok(listed);
      const ports = `[{number: ${asked.port}, name: http, protocol: HTTP}]`;
      await mesh.serve([listed], undefined, `addresses: [${address}], ports: ${ports}, ${ENTRY}`);
      await mesh.policy("loadBalancer: {simple: PASSTHROUGH}");
      const answer = await mesh.call({ host: `${address}:${asked.port}` });
      assert.equal(answer.app, "asked", answer.text);
    },
  ),
];

/** Endpoints by place: a1 where the caller (front: eu/a/1) is, a2 in us, a3 in asia. */
async function servePlaces(mesh: CaseMesh, places = ["eu/a/1", "us/b/1", "asia/c/1"]) {
  await mesh.serve(await mesh.apps(places.length), (_app, index) => `locality: ${places[index]}`);
}

const OUTLIERS =
  "outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 60s, maxEjectionPercent: 100}";

/** The same rule of localities in each kind that has them; a MeshConfig's holds for the whole mesh. */
function localityProofs(
  fields: string,
  title: string,
  setting: string,
  run: (mesh: CaseMesh) => Promise<void>,
  places?: string[],
): ConformanceCase[] {
  const at = (prefix: string) =>
    fields.replaceAll(/\S+/g, (field) => `${prefix}localityLbSetting.${field}`);
  return [
    ...policyProofs(at("loadBalancer."), title, async (mesh) => {
      await servePlaces(mesh, places);
      await mesh.policy(`loadBalancer: {localityLbSetting: {${setting}}}, ${OUTLIERS}`);
      await run(mesh);
    }),
    proof(
      "MeshConfig",
      at(""),
      title,
      async (mesh) => {
        await servePlaces(mesh, places);
        await mesh.apply(
          mesh.document("MeshConfig", `localityLbSetting: {${setting}}`, {
            namespace: "istio-system",
          }),
          mesh.document("DestinationRule", `host: HOST, trafficPolicy: {${OUTLIERS}}`),
        );
        await run(mesh);
      },
      { isAlone: true },
    ),
  ];
}

const localityCases: readonly ConformanceCase[] = [
  ...localityProofs(
    "failover[].from failover[].to",
    "fails over from the caller's region to the one named",
    "failover: [{from: eu, to: asia}]",
    async (mesh) => {
      assert.deepEqual(countByApp(await mesh.calls(10)), { a1: 10 });
      await mesh.call({ do: "status=500@a1" });
      assert.deepEqual(countByApp(await mesh.calls(10)), { a3: 10 });
    },
  ),
  ...localityProofs(
    "distribute[].from distribute[].to",
    "shares requests by the place of the endpoints",
    'distribute: [{from: "eu/*", to: {"eu/a/*": 20, "us/*": 80}}]',
    async (mesh) => {
      const { a1 = 0, a2 = 0, a3 = 0 } = countByApp(await mesh.calls(100));
      assert.equal(a3, 0);
      // 20 of 100 drawn by chance: further off than four standard deviations it would be another share.
      assert.ok(a1 >= 4 && a1 <= 36 && a1 + a2 === 100, `${a1} and ${a2}`);
    },
  ),
  ...localityProofs(
    "enabled",
    "lets endpoints everywhere take part when it is false",
    "enabled: false",
    async (mesh) => {
      assert.deepEqual(Object.keys(countByApp(await mesh.calls(60))).sort(), ["a1", "a2", "a3"]);
    },
  ),
  ...localityProofs(
    "failoverPriority",
    "prefers endpoints that share the caller's labels, the first label first",
    'failoverPriority: ["topology.kubernetes.io/region"]',
    async (mesh) => {
      assert.deepEqual(countByApp(await mesh.calls(10)), { a1: 10 });
      await mesh.call({ do: "status=500@a1" });
      assert.deepEqual(Object.keys(countByApp(await mesh.calls(40))).sort(), ["a2", "a3"]);
    },
  ),
  proof(
    "DestinationRule",
    "trafficPolicy.loadBalancer.localityLbSetting",
    "goes by locality as soon as outlier detection is there, and not before",
    async (mesh) => {
      await servePlaces(mesh);
      await mesh.policy("loadBalancer: {simple: ROUND_ROBIN}");
      assert.equal(Object.keys(countByApp(await mesh.calls(12))).length, 3);
      await mesh.policy(`loadBalancer: {simple: ROUND_ROBIN}, ${OUTLIERS}`);
      assert.deepEqual(countByApp(await mesh.calls(12)), { a1: 12 });
    },
  ),
  proof(
    "DestinationRule",
    "trafficPolicy.loadBalancer.localityLbSetting.distribute",
    "refuses shares that do not sum to 100",
    (mesh) =>
      mesh.refused(
        "DestinationRule",
        'host: HOST, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: "eu/*", to: {"eu/*": 50, "us/*": 40}}]}}}',
        /100/,
      ),
  ),
];

/**
 * A service of one endpoint that is warm since ever (a WorkloadEntry) and one that its proxy has
 * registered when the run began.
 */
async function serveYoungAndOld(mesh: CaseMesh) {
  const old = await mesh.app("old");
  await mesh.apply(
    mesh.document("Service", "selector: {app: fresh}, ports: [{name: http, port: 80}]"),
    mesh.document(
      "WorkloadEntry",
      `address: 127.0.0.1, ports: {http: ${old.port}}, labels: {app: fresh, version: old}`,
    ),
  );
}

async function youngShare(mesh: CaseMesh, warmup: string) {
  await mesh.policy(`loadBalancer: {simple: ROUND_ROBIN, ${warmup}}`);
  const counts = countByApp(await mesh.calls(60));
  assert.ok((counts["old"] ?? 0) > 0);
  return (counts["fresh-v1"] ?? 0) / 60;
}

function warmupProofs(
  fields: string,
  title: string,
  run: ConformanceCase["run"],
): ConformanceCase[] {
  return policyProofs(fields, title, async (mesh) => {
    await serveYoungAndOld(mesh);
    await run(mesh);
  }).map((one) => ({ ...one, isAlone: true }));
}

const warmupCases: readonly ConformanceCase[] = [
  ...warmupProofs(
    "loadBalancer.warmup.duration loadBalancer.warmup.minimumPercent",
    "gives who has just begun to serve a small share, at least the minimum",
    async (mesh) => {
      const small = await youngShare(mesh, "warmup: {duration: 24h, minimumPercent: 10}");
      assert.ok(small > 0.04 && small < 0.16, String(small));
      const more = await youngShare(mesh, "warmup: {duration: 24h, minimumPercent: 50}");
      assert.ok(more > 0.25 && more < 0.42, String(more));
      const all = await youngShare(mesh, "warmup: {duration: 1ms}");
      assert.ok(all > 0.45 && all < 0.55, String(all));
    },
  ),
  ...warmupProofs(
    "loadBalancer.warmup.aggression",
    "lets the share grow faster at first",
    async (mesh) => {
      const share = await youngShare(
        mesh,
        "warmup: {duration: 24h, minimumPercent: 0, aggression: 10}",
      );
      assert.ok(share > 0.15 && share < 0.5, String(share));
    },
  ),
  ...warmupProofs(
    "loadBalancer.warmupDurationSecs",
    "is the old form of the duration",
    async (mesh) => {
      const share = await youngShare(mesh, "warmupDurationSecs: 86400s");
      assert.ok(share > 0.04 && share < 0.16, String(share));
    },
  ),
];

const latencyCases: readonly ConformanceCase[] = [
  proof(
    "TrafficPolicy",
    "loadBalancer.latencyAware loadBalancer.latencyAware.decay",
    "keeps most requests from an endpoint that has become slow",
    async (mesh) => {
      await mesh.serve(await mesh.apps(3));
      await mesh.applyOne(
        "TrafficPolicy",
        "destinations: [{host: HOST}], loadBalancer: {latencyAware: {decay: 20s}}",
      );
      const counts = countByApp(await mesh.calls(40, { do: "delay=300@a1" }));
      assert.ok((counts["a1"] ?? 0) <= 8, `${counts["a1"]} of 40 to the slow one`);
    },
  ),
  proof(
    "TrafficPolicy",
    "loadBalancer.latencyAware.failurePenalty",
    "keeps an endpoint that fails fast from attracting requests",
    async (mesh) => {
      await mesh.serve(await mesh.apps(3));
      await mesh.applyOne(
        "TrafficPolicy",
        "destinations: [{host: HOST}], loadBalancer: {latencyAware: {decay: 10s, failurePenalty: 5s}}",
      );
      const counts = countByApp(
        await mesh.calls(40, { do: "status=503@a1 delay=10@a2 delay=10@a3" }),
      );
      assert.ok((counts["a1"] ?? 0) <= 6, `${counts["a1"]} of 40 to the failing one`);
    },
  ),
];

export const loadBalancerCases: readonly ConformanceCase[] = [
  ...simpleCases,
  ...hashCases,
  ...localityCases,
  ...warmupCases,
  ...latencyCases,
];
