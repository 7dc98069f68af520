import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TestControlPlane, waitFor } from "@heddle/testkit";
import { FilterLibrary } from "../src/filters/filter-library.ts";
import {
  app,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { filterSetting, runFilters, silent } from "./support/filters.ts";
import { startProxyProcess, temporaryFolder } from "./support/proxy-process.ts";
import { refusalOf } from "./support/refusal.ts";

const FOLDER = fileURLToPath(new URL("../../../examples/filters", import.meta.url));
const digestOf = (key: string) => createHash("sha256").update(key).digest("hex");

async function examples(): Promise<FilterLibrary> {
  const library = new FilterLibrary(FOLDER, silent);
  await library.load();
  assert.deepEqual(library.names, ["api-key", "canary-cookie"]);
  return library;
}

async function guardedReviews(t: TestContext) {
  const seen: Record<string, string | string[] | undefined>[] = [];
  const reviews = await app(t, (request, response) => {
    seen.push(request.headers);
    response.end("ok");
  });
  const workload = await hosted("reviews", { appPort: reviews.port });
  const keys = { acme: digestOf("acme's key"), globex: digestOf("globex's key") };
  const settings = { keys, openPaths: ["/healthz"] };
  runFilters(t, workload, await examples(), [filterSetting("api-key", { settings })]);
  const recorder = new MemoryRecorder();
  return { seen, recorder, port: (await inbound(t, workload, recorder)).port };
}

test("api-key lets in whoever has a key of the list, and tells the app who it is", async (t) => {
  const { seen, port } = await guardedReviews(t);
  const headers = { "X-Api-Key": "globex's key", "x-api-client": "acme" };
  assert.equal((await send(port, { headers })).status, 200);
  assert.equal(seen[0]?.["x-api-client"], "globex");
  assert.equal(seen[0]?.["x-api-key"], undefined);
});

test("api-key refuses requests without a key, and with one that is not known", async (t) => {
  const { seen, recorder, port } = await guardedReviews(t);
  const without = await send(port, {});
  assert.deepEqual([without.status, without.headers["www-authenticate"]], [401, "ApiKey"]);
  assert.equal(without.headers["x-heddle-filter"], "api-key");
  for (const key of ["acme's key ", "ACME'S KEY", digestOf("acme's key"), "a"]) {
    const answer = await send(port, { headers: { "x-api-key": `-${key}` } });
    assert.equal(answer.status, 403);
    assert.doesNotMatch(answer.body.toString(), /acme|globex/);
  }
  assert.equal(seen.length, 0);
  const of = (event: string) =>
    `heddle_filter_events_total ${JSON.stringify({ workload: "shop/reviews", filter: "api-key", event })}`;
  assert.deepEqual(
    [recorder.events.get(of("missing")), recorder.events.get(of("unknown"))],
    [1, 4],
  );
});

test("api-key leaves open paths open, and nothing that only looks like one", async (t) => {
  const { port } = await guardedReviews(t);
  assert.equal((await send(port, { path: "/healthz?deep=1" })).status, 200);
  assert.equal((await send(port, { path: "/healthz/x" })).status, 401);
  assert.equal((await send(port, { path: "/x/../healthz" })).status, 200);
});

async function canary(t: TestContext) {
  const apps = await Promise.all(
    ["v1", "v2"].map((version) => app(t, (_request, response) => response.end(version))),
  );
  const mesh = new TestMesh();
  const id = { namespace: "shop", name: "reviews" };
  const versions = ["v1", "v2"];
  const pinnedTo = (subset: string) => ({
    name: `pinned-${subset}`,
    matches: [{ headers: { "x-pinned-version": { kind: "exact" as const, value: subset } } }],
    destinations: [{ service: id, subset, weight: 1 }],
  });
  mesh.apply(
    service("reviews", {
      routes: [
        ...versions.map(pinnedTo),
        {
          name: "split",
          matches: [],
          destinations: versions.map((subset) => ({ service: id, subset, weight: 50 })),
        },
      ],
      subsets: versions.map((name) => ({ name, labels: { version: name } })),
    }),
    endpoints(
      "reviews",
      apps.map(({ port }, index) => ({ port, version: `v${index + 1}` })),
    ),
  );
  const front = await hosted("front");
  const library = await examples();
  const run = (subsets: readonly string[]) =>
    runFilters(t, front, library, [
      filterSetting("canary-cookie", {
        direction: "outbound",
        settings: { service: "shop/reviews", subsets },
      }),
    ]);
  run(versions);
  const { port } = await outbound(t, front, mesh, new MemoryRecorder());
  const ask = async (cookie?: string) => {
    const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
    const answer = await send(port, { host: "reviews", headers });
    return { version: answer.body.toString(), cookie: answer.headers["set-cookie"]?.[0] };
  };
  return { ask, run };
}

test("canary-cookie keeps every user on the version first drawn", async (t) => {
  const { ask } = await canary(t);
  const drawn = new Set<string>();
  for (let user = 0; user < 6; user++) {
    const first = await ask();
    drawn.add(first.version);
    assert.match(
      first.cookie ?? "",
      new RegExp(`^heddle-version=${first.version}; Path=/; Max-Age=86400; HttpOnly`),
    );
    for (let request = 0; request < 5; request++) {
      const again = await ask(`theme=dark; heddle-version=${first.version}`);
      assert.deepEqual([again.version, again.cookie], [first.version, undefined]);
    }
  }
  assert.deepEqual([...drawn].toSorted(), ["v1", "v2"]);
});

test("canary-cookie draws anew for a version that is gone, and for what nobody has written", async (t) => {
  const { ask, run } = await canary(t);
  run(["v1"]);
  const versions = [await ask("heddle-version=v2"), await ask("heddle-version=v2")];
  assert.deepEqual(versions.map(({ version }) => version).toSorted(), ["v1", "v2"]);
  assert.match((await ask("heddle-version=../../etc")).version, /^v[12]$/);
});

test("a proxy runs what its folder holds, refuses settings that do not fit, and shows what runs", async (t) => {
  const control = await TestControlPlane.start(t);
  const config = {
    name: "host-a",
    workloads: [{ namespace: "shop", service: "reviews", appPort: 9, protocol: "http" }],
  };
  const proxy = startProxyProcess(t, {
    dataDir: temporaryFolder(t),
    config,
    env: {
      HEDDLE_CONTROL_PLANE: `127.0.0.1:${control.port}`,
      HEDDLE_JOIN_TOKEN: control.token,
      HEDDLE_FILTERS_DIR: FOLDER,
    },
  });
  const [workload] = (await proxy.ready()).workloads;
  const resourceWith = (settings: unknown, version: string) => ({
    kind: "workload" as const,
    key: "workload/shop/reviews",
    version,
    workload: { namespace: "shop", name: "reviews" },
    mtlsMode: "PERMISSIVE" as const,
    filters: [filterSetting("api-key", { settings })],
    revision: 2,
  });
  const bad = await control.push({ upserts: [resourceWith({ keys: { acme: "short" } }, "2")] });
  assert.match(
    refusalOf(bad),
    /workload shop\/reviews: filters\[0\] "api-key": settings\.keys\.acme: expected a SHA-256 digest/,
  );
  const keys = { acme: digestOf("acme's key") };
  assert.equal((await control.push({ upserts: [resourceWith({ keys }, "3")] })).type, "ack");
  const port = workload?.inboundPort ?? 0;
  await waitFor("the filter answers", 5_000, async () => {
    const { status } = await send(port, {}).catch(() => ({ status: 0 }));
    return status === 401;
  });
  const dump = (await (await proxy.admin("/config_dump")).json()) as {
    workloads: { filters: { name: string; state: string }[] }[];
  };
  assert.deepEqual(
    dump.workloads[0]?.filters.map(({ name, state }) => [name, state]),
    [["api-key", "on"]],
  );
  const metrics = await (await proxy.admin("/metrics")).text();
  assert.match(metrics, /heddle_filter_events_total\{.*filter="api-key".*event="missing"/);
});
