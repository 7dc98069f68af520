import assert from "node:assert/strict";
import { test } from "node:test";
import { hosted, inbound, MemoryRecorder, RawClient, rawApp, send } from "./data-path-kit.ts";
import { allow, type Caller, fromFront, onlyGet, startReviews } from "./support/guarded-reviews.ts";
import { obey, rateLimit } from "./support/policies.ts";

test("of 60 requests at once exactly the limit's ten pass, and the answers say so", async (t) => {
  const { workload, recorder, ports, paths } = await startReviews(t);
  obey(workload, { rateLimits: [rateLimit()] });
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      send(index % 2 === 0 ? ports.front : ports.plaintext, { host: "reviews" }),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 10);
  assert.equal(answers.filter(({ status }) => status === 429).length, 50);
  assert.equal(paths.length, 10);
  const remaining = answers
    .filter(({ status }) => status === 200)
    .map(({ headers }) => Number(headers["x-ratelimit-remaining"]));
  assert.deepEqual(
    remaining.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  const refused = answers.find(({ status }) => status === 429);
  assert.ok(refused);
  assert.equal(refused.headers["x-heddle-flags"], "RL");
  assert.equal(refused.headers["x-envoy-ratelimited"], "true");
  assert.equal(refused.headers["ratelimit-policy"], '"api";q=10;w=3600');
  assert.equal(refused.headers["ratelimit"], '"api";r=0;t=3600');
  assert.equal(refused.headers["x-ratelimit-limit"], '10, 10;w=3600;name="api"');
  assert.equal(refused.headers["retry-after"], "360");
  assert.match(
    refused.body.toString(),
    /^local_rate_limited\n[\s\S]*rule: RateLimit shop\/api, revision 3, limit "api"\nallowed: 10 in 3600000 ms, at most 10 at once\n/,
  );
  const { labels } = await recorder.find(({ labels }) => labels.responseCode === 429);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["RL", "inbound-proxy"]);
});

test("a push that leaves a limit as it is grants no new burst; one that changes it does", async (t) => {
  const { workload, ports } = await startReviews(t);
  const statuses = async (count: number) => {
    const answers = await Promise.all(
      Array.from({ length: count }, () => send(ports.plaintext, {})),
    );
    return answers.filter(({ status }) => status === 200).length;
  };
  obey(workload, { rateLimits: [rateLimit()] });
  assert.equal(await statuses(8), 8);
  const later = rateLimit({ rule: "RateLimit shop/api, revision 9" });
  obey(workload, { rateLimits: [later], authorization: [allow({})] });
  assert.equal(await statuses(8), 2);
  obey(workload, { rateLimits: [rateLimit({ burst: 3 })] });
  assert.equal(await statuses(8), 3);
});

test("a limit by caller counts each apart, and holds for what it matches alone", async (t) => {
  const { workload, ports } = await startReviews(t);
  const limit = rateLimit({
    requests: 1,
    burst: 1,
    key: { kind: "source-workload" },
    matches: [{ uri: { kind: "prefix", value: "/api" } }],
  });
  obey(workload, { rateLimits: [limit] });
  const statusOf = async (caller: Caller, path: string) =>
    (await send(ports[caller], { host: "reviews", path })).status;
  assert.deepEqual(
    [
      await statusOf("front", "/api"),
      await statusOf("front", "/api"),
      await statusOf("back", "/api/x"),
      await statusOf("plaintext", "/api"),
      await statusOf("plaintext", "/api"),
      await statusOf("plaintext", "/else"),
    ],
    [200, 429, 200, 200, 429, 200],
  );
});

test("a shadow limit is counted and not told", async (t) => {
  const { workload, ports, recorder } = await startReviews(t);
  obey(workload, { rateLimits: [rateLimit({ requests: 1, burst: 1, isShadow: true })] });
  for (let index = 0; index < 3; index++) {
    const answer = await send(ports.plaintext, {});
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["ratelimit"], undefined);
  }
  const of = (outcome: string) =>
    `heddle_rate_limit_total ${JSON.stringify({ workload: "shop/reviews", limit: "api", rule: "RateLimit shop/api", outcome, shadow: "true" })}`;
  assert.deepEqual(
    [recorder.events.get(of("allowed")), recorder.events.get(of("limited"))],
    [1, 2],
  );
});

test("a denied request takes nothing out of a limit", async (t) => {
  const { workload, ports } = await startReviews(t);
  const rateLimits = [rateLimit({ requests: 1, burst: 1 })];
  obey(workload, { rateLimits, authorization: [allow(fromFront)] });
  assert.equal((await send(ports.plaintext, {})).status, 403);
  assert.equal((await send(ports.front, { host: "reviews" })).status, 200);
});
test("a gRPC call that is denied, or one too many, hears it in gRPC's own words", async (t) => {
  const { workload, ports } = await startReviews(t);
  const call = { host: "reviews", method: "POST", headers: { "content-type": "application/grpc" } };
  obey(workload, { authorization: [allow(onlyGet)] });
  const denied = await send(ports.plaintext, call);
  assert.deepEqual([denied.status, denied.headers["grpc-status"]], [200, "7"]);
  assert.match(String(denied.headers["grpc-message"]), /^RBAC: access denied/);
  obey(workload, { rateLimits: [rateLimit({ requests: 1, burst: 1 })] });
  await send(ports.plaintext, call);
  const limited = await send(ports.plaintext, call);
  assert.deepEqual([limited.status, limited.headers["grpc-status"]], [200, "14"]);
  assert.equal(limited.headers["x-envoy-ratelimited"], "true");
  assert.equal(limited.headers["retry-after"], "3600");
});

test("a caller that keeps silent until its connection counts as opaque brings no request past a limit", async (t) => {
  const seen: string[] = [];
  const taken = Promise.withResolvers<void>();
  const quiet = await rawApp(t, (socket) => {
    taken.resolve();
    socket.on("data", (bytes) => seen.push(String(bytes)));
  });
  const workload = await hosted("reviews", { appPort: quiet.port });
  const undeclared = { port: quiet.port, protocol: "auto" } as const;
  const listener = await inbound(t, workload, new MemoryRecorder(), undefined, { app: undeclared });
  obey(workload, { rateLimits: [rateLimit()] });
  const late = new RawClient(t, listener.port);
  await taken.promise; // the silence has made it opaque
  late.send("GET /admin HT");
  late.send("TP/1.1\r\nhost: reviews\r\n\r\n");
  assert.equal(await late.closed(), "");
  assert.deepEqual(seen, []);
});
