import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { Seen } from "../../harness/seen-app.ts";
import type { Answer } from "../../harness/send-request.ts";

const VS = "VirtualService";

type Kind = "VirtualService" | "TrafficPolicy" | "MeshConfig";

const RETRIES: Readonly<
  Record<Kind, { place: string; apply: (mesh: CaseMesh, retries: string) => Promise<void> }>
> = {
  VirtualService: {
    place: "http[].retries",
    apply: (mesh, retries) => mesh.routes(`retries: {${retries}}, ROUTE`),
  },
  TrafficPolicy: {
    place: "retries",
    apply: (mesh, retries) =>
      mesh.applyOne("TrafficPolicy", `destinations: [{host: HOST}], retries: {${retries}}`),
  },
  // The default of routes that say nothing of retries.
  MeshConfig: {
    place: "defaultHttpRetryPolicy",
    apply: (mesh, retries) =>
      mesh.applyOne("MeshConfig", `defaultHttpRetryPolicy: {${retries}}`, {
        namespace: "istio-system",
      }),
  },
};

/** The same rule of retries in each kind that has them. */
function retriesProofs(
  fields: string,
  title: string,
  run: (mesh: CaseMesh, retry: (retries: string) => Promise<void>) => Promise<void>,
): ConformanceCase[] {
  return (Object.keys(RETRIES) as Kind[]).map((kind) => {
    const { place, apply } = RETRIES[kind];
    return proof(
      kind,
      fields.replaceAll(/\S+/g, (field) => `${place}.${field}`),
      title,
      (mesh) => run(mesh, (retries) => apply(mesh, retries)),
      { isAlone: kind === "MeshConfig" },
    );
  });
}

const retryCases: readonly ConformanceCase[] = [
  ...retriesProofs(
    "attempts",
    "tries that many times more, then hands the last answer on with flag URX",
    async (mesh, retry) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      await mesh.serve([app]);
      await retry("attempts: 3, retryOn: 5xx, backoff: 1ms");
      const answer = await mesh.call({ do: "status=503" });
      assert.equal(answer.status, 503);
      assert.equal(app.seen.length, 4);
      assert.deepEqual(
        app.seen.map(({ headers }) => headers["x-envoy-attempt-count"]),
        ["1", "2", "3", "4"],
      );
    },
  ),
  ...retriesProofs("attempts", "switches retries off with 0", async (mesh, retry) => {
    const [app] = await mesh.apps(1);
    assert.ok(app);
    await mesh.serve([app]);
    await retry("attempts: 0");
    await mesh.call({ do: "reset" });
    assert.equal(app.seen.length, 1);
  }),
  ...retriesProofs(
    "retryOn",
    "takes status codes: 503 means one that the app has answered, and no other status",
    async (mesh, retry) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      await mesh.serve([app]);
      await retry('attempts: 1, retryOn: "503", backoff: 1ms');
      await mesh.call({ do: "status=503" });
      assert.equal(app.seen.length, 2);
      await mesh.call({ do: "status=500" });
      assert.equal(app.seen.length, 3);
    },
  ),
  ...retriesProofs(
    "perTryTimeout",
    "ends a try that is too slow, and tries again on another endpoint",
    async (mesh, retry) => {
      const apps = await mesh.apps(2);
      await mesh.serve(apps);
      await retry("attempts: 1, perTryTimeout: 700ms, retryOn: 5xx, backoff: 1ms");
      do {
        const { status, app } = await mesh.call({ do: "hang@a1" });
        assert.deepEqual([status, app], [200, "a2"]);
      } while (apps[0]?.seen.length === 0);
    },
  ),
  ...retriesProofs(
    "backoff",
    "waits at random up to that time before the next try",
    async (mesh, retry) => {
      const [app] = await mesh.apps(1);
      assert.ok(app);
      await mesh.serve([app]);
      await retry("attempts: 3, retryOn: 5xx, backoff: 100ms");
      const { tookMs } = await mesh.call({ do: "status=503" });
      assert.ok(tookMs > 15 && tookMs < 100 + 300 + 700 + 5_000, `${tookMs} ms`);
    },
  ),
  ...retriesProofs(
    "retryIgnorePreviousHosts",
    "goes to an endpoint that was not tried yet, unless switched off",
    async (mesh, retry) => {
      const apps = await mesh.apps(3);
      await mesh.serve(apps);
      await retry("attempts: 2, retryOn: 5xx, backoff: 1ms");
      for (let sent = 0; sent < 5; sent++) await mesh.call({ do: "status=503" });
      assert.deepEqual(
        apps.map(({ seen }) => seen.length),
        [5, 5, 5],
      );
    },
  ),
  ...retriesProofs(
    "retryRemoteLocalities",
    "lets a retry leave the locality of the first try",
    async (mesh, retry) => {
      const apps = await mesh.apps(2);
      await mesh.serve(apps, (_app, index) => `locality: ${index === 0 ? "eu/a/1" : "us/b/1"}`);
      await mesh.destinationRule("trafficPolicy: {outlierDetection: {consecutive5xxErrors: 100}}");
      await retry("attempts: 1, retryOn: 5xx, backoff: 1ms, retryRemoteLocalities: true");
      const answer = await mesh.call({ do: "status=503@a1" });
      assert.deepEqual([answer.status, answer.app], [200, "a2"]);
    },
  ),
];

type ConditionRow = {
  readonly on: string;
  readonly title: string;
  /** What the first app does; the second answers well. */
  readonly do: string;
  readonly isTried: boolean;
  readonly headers?: Readonly<Record<string, string>>;
};

const CONDITIONS: readonly ConditionRow[] = [
  { on: "5xx", title: "any 5xx", do: "status=500", isTried: true },
  { on: "5xx", title: "no answer at all", do: "reset", isTried: true },
  { on: "gateway-error", title: "502", do: "status=502", isTried: true },
  { on: "gateway-error", title: "504", do: "status=504", isTried: true },
  { on: "gateway-error", title: "not 500", do: "status=500", isTried: false },
  { on: "reset", title: "a broken connection", do: "reset", isTried: true },
  { on: "reset", title: "not a 503", do: "status=503", isTried: false },
  { on: "retriable-4xx", title: "409", do: "status=409", isTried: true },
  { on: "retriable-4xx", title: "not 404", do: "status=404", isTried: false },
  {
    on: "retriable-status-codes",
    title: "the codes a request names itself",
    do: "status=418",
    isTried: true,
    headers: { "x-envoy-retriable-status-codes": "418" },
  },
];

const conditionRows = CONDITIONS.map((row) =>
  proof(VS, "http[].retries.retryOn", `${row.on} means ${row.title}`, async (mesh) => {
    const apps = await mesh.apps(2);
    await mesh.serve(apps);
    await mesh.routes(`retries: {attempts: 1, retryOn: "${row.on}", backoff: 1ms}, ROUTE`);
    const [bad, good] = apps;
    const answers: Answer[] = [];
    const isRetry = ({ headers }: Seen) => headers["x-envoy-attempt-count"] !== "1";
    for (let sent = 0; sent < 40 && (bad?.seen.length === 0 || good?.seen.length === 0); sent++) {
      answers.push(await mesh.call({ do: `${row.do}@a1`, headers: row.headers ?? {} }));
    }
    const isTried = good?.seen.some(isRetry) ?? false;
    const told = answers.map(({ status, headers }) => `${status} ${headers["x-heddle-flags"]}`);
    assert.equal(
      isTried,
      row.isTried,
      `${told.join(", ")}; a1 was asked ${bad?.seen.length} times`,
    );
  }),
);

/** Cases of where a copy goes and how many there are. */
const mirrorCases: readonly ConformanceCase[] = [
  proof(
    VS,
    "http[].mirror.host http[].mirror.subset",
    "sends a copy of every request to the shadow host and throws its answer away",
    async (mesh) => {
      await mesh.routes("V1, mirror: {host: HOST, subset: v2}");
      const headers = { "x-case": mesh.id };
      const answer = await mesh.call({ method: "POST", body: "hello", path: "/m", headers });
      assert.equal(answer.app, "reviews-v1");
      await waitFor("the copy has come", 15_000, () => mesh.seenBy("reviews-v2").length === 1);
      const [copy] = mesh.seenBy("reviews-v2");
      assert.deepEqual([copy?.method, copy?.url, copy?.body], ["POST", "/m", "hello"]);
      assert.equal(copy?.headers["host"], `${mesh.host}-shadow`);
    },
  ),
  proof(VS, "http[].mirror.port.number", "sends copies to that port", async (mesh) => {
    await mesh.applyOne(
      "Service",
      "selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 81, targetPort: admin}]",
    );
    await mesh.routes(
      "route: [{destination: {host: HOST, subset: v1, port: {number: 80}}}], mirror: {host: HOST, subset: v2, port: {number: 81}}",
    );
    await mesh.call({ headers: { "x-case": mesh.id } });
    await waitFor("the copy has come", 15_000, () => mesh.seenBy("reviews-v2-admin").length === 1);
  }),
  ...["mirrorPercentage: {value: 40}", "mirrorPercent: 40", "mirror_percent: 40"].map((share) =>
    proof(
      VS,
      `http[].${share.startsWith("mirrorPercentage") ? "mirrorPercentage.value" : share.split(":")[0]}`,
      "is the share that is copied",
      async (mesh) => {
        await mesh.routes(`V1, mirror: {host: HOST, subset: v2}, ${share}`);
        await mesh.calls(50, { headers: { "x-case": mesh.id } });
        await waitFor("the copies have come", 15_000, () => mesh.seenBy("reviews-v2").length >= 6);
        // 20 of 50 drawn by chance: further off than four standard deviations it would be another share.
        assert.ok(mesh.seenBy("reviews-v2").length <= 34);
      },
    ),
  ),
  proof(
    VS,
    "http[].mirrors[].destination http[].mirrors[].percentage.value",
    "copies to several places, each with a share of its own: absent is all, 0 is none",
    async (mesh) => {
      await mesh.routes(
        "V1, mirrors: [{destination: {host: HOST, subset: v2}}, {destination: {host: HOST, subset: v3}, percentage: {value: 0}}]",
      );
      await mesh.calls(5, { headers: { "x-case": mesh.id } });
      await waitFor("the copies have come", 15_000, () => mesh.seenBy("reviews-v2").length === 5);
      assert.equal(mesh.seenBy("reviews-v3").length, 0);
    },
  ),
];

export const tryCases: readonly ConformanceCase[] = [
  ...(["VirtualService", "TrafficPolicy"] as const).map((kind) =>
    proof(
      kind,
      kind === VS ? "http[].timeout" : "timeout",
      "answers 504 with flag UT when it is over, all tries and pauses included",
      async (mesh) => {
        const retries = "retries: {attempts: 10, retryOn: 5xx, backoff: 10ms}";
        if (kind === VS) await mesh.routes(`timeout: 150ms, ${retries}, ROUTE`);
        else {
          await mesh.applyOne(kind, `destinations: [{host: HOST}], timeout: 150ms, ${retries}`);
        }
        const answer = await mesh.call({ do: "hang" });
        assert.deepEqual([answer.status, answer.app], [504, undefined]);
        assert.match(answer.headers["x-heddle-flags"] ?? "", /^UT/);
        assert.ok(answer.tookMs >= 75 && answer.tookMs < 10_000, `${answer.tookMs} ms`);
      },
    ),
  ),
  proof(VS, "http[].timeout", "is none when nothing is said", async (mesh) => {
    await mesh.routes("ROUTE");
    assert.equal((await mesh.call({ do: "delay=1200" })).status, 200);
  }),
  proof(VS, "http[].timeout", "is bounded further by the caller's own deadline", async (mesh) => {
    await mesh.routes("timeout: 15s, ROUTE");
    const headers = { "x-envoy-expected-rq-timeout-ms": "100" };
    const answer = await mesh.call({ do: "hang", headers });
    assert.equal(answer.status, 504);
    assert.ok(answer.tookMs < 14_900, `${answer.tookMs} ms`);
  }),
  proof(VS, "http[].retries.attempts", "refuses 0 together with other fields", async (mesh) => {
    const spec = "hosts: [HOST], http: [{retries: {attempts: 0, retryOn: 5xx}, ROUTE}]";
    await mesh.refused(VS, spec, /retries/);
  }),
  proof(VS, "http[].retries.retryOn", "refuses a list with blanks, as Istio does", async (mesh) => {
    const spec = 'hosts: [HOST], http: [{retries: {attempts: 1, retryOn: "503, reset"}, ROUTE}]';
    await mesh.refused(VS, spec, /retryOn/);
  }),
  ...retryCases,
  ...conditionRows,
  ...mirrorCases,
];
