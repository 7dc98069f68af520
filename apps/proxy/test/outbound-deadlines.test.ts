import assert from "node:assert/strict";
import http from "node:http";
import { type TestContext, test } from "node:test";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { route } from "./outbound-kit.ts";

/**
 * front → (sidecars) → reviews → (its outbound proxy) → ratings, which never answers. The reviews app
 * passes on the trace headers that `passes` names.
 */
async function chainOf(t: TestContext, passes: readonly string[]) {
  const left = Promise.withResolvers<number>();
  const ratingsSaw: http.IncomingHttpHeaders[] = [];
  const ratings = await app(t, (request) => {
    const startMs = performance.now();
    ratingsSaw.push(request.headers);
    request.socket.on("close", () => left.resolve(performance.now() - startMs));
  });
  const mesh = new TestMesh();
  const onward: { port: number } = { port: 0 };
  const answers: number[] = [];
  const reviews = await app(t, (request, response) => {
    const headers = Object.fromEntries(
      passes.flatMap((name) => {
        const value = request.headers[name];
        return typeof value === "string" ? [[name, value]] : [];
      }),
    );
    const call = http.request(
      { port: onward.port, host: "127.0.0.1", headers: { ...headers, host: "ratings" } },
      (answer) => {
        answers.push(answer.statusCode ?? 0);
        answer.resume().on("end", () => response.writeHead(502).end());
      },
    );
    call.on("error", () => {});
    call.end();
  });
  const by = await authority();
  const workload = await hosted("reviews", { appPort: reviews.port, by });
  const listener = await inbound(t, workload, new MemoryRecorder());
  const ratingsRoute = route({
    timeoutMs: 3_000,
    destinations: [{ service: { namespace: "shop", name: "ratings" }, weight: 1 }],
  });
  mesh.apply(
    service("reviews", { routes: [route({ timeoutMs: 300 })] }),
    endpoints("reviews", [{ port: listener.port, identity: workload.identity.spiffeId ?? "" }]),
    service("ratings", { routes: [ratingsRoute] }),
    endpoints("ratings", [{ port: ratings.port }]),
  );
  const recorder = new MemoryRecorder();
  onward.port = (await outbound(t, workload, mesh, recorder)).port;
  const front = await outbound(t, await hosted("front", { by }), mesh, new MemoryRecorder());
  return { front, left: left.promise, ratingsSaw, recorder };
}

test("a caller's timeout bounds the hops below it, and work nobody waits for is given up", async (t) => {
  const { front, left, ratingsSaw, recorder } = await chainOf(t, ["traceparent"]);
  const startMs = performance.now();
  const answer = await send(front.port, { host: "reviews" });
  assert.equal(answer.status, 504);
  assert.ok(performance.now() - startMs < 1_000);
  const told = Number(ratingsSaw[0]?.["x-envoy-expected-rq-timeout-ms"]);
  assert.ok(told > 0 && told <= 300, `ratings was told ${told} ms`);
  assert.ok((await left) < 1_000, "ratings is left long before its own rule's timeout of 3 s");
  const { labels } = await recorder.find(() => true);
  assert.ok(["UT", "DC"].includes(labels.responseFlags), labels.responseFlags);
});

test("an app that passes no trace context on keeps its calls' own timeouts", async (t) => {
  const { front, left, ratingsSaw } = await chainOf(t, []);
  assert.equal((await send(front.port, { host: "reviews" })).status, 504);
  const told = Number(ratingsSaw[0]?.["x-envoy-expected-rq-timeout-ms"]);
  assert.ok(told > 2_000, `ratings was told ${told} ms`);
  await left;
});
