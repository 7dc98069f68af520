import assert from "node:assert/strict";
import { test } from "node:test";
import type { DenialsResponse, ObservedCallsResponse } from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { metricsBody, push, type SentSpan, spansBody } from "./proxy-like.ts";
import { runCollector } from "./running-collector.ts";

let spans = 0;

function spanOf(more: Partial<SentSpan>): SentSpan {
  spans += 1;
  const id = spans.toString(16).padStart(16, "0");
  return {
    traceId: id.repeat(2),
    spanId: id,
    kind: "server",
    from: "shop/web",
    to: "shop/payments-v1",
    startMs: Date.now() - 500,
    durationMs: 1,
    status: 403,
    path: "/charge",
    ...more,
  };
}

const NEAREST = {
  "heddle.authorization": "denied",
  "heddle.authorization.nearest": "shop/pay/1",
  "heddle.authorization.fields": "from[0].source.principals,to[0].operation.methods",
};

test("denied requests are told by caller, rule and kind of request, ids in paths left out", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const sent = [
    ...[1, 2, 3].map((id) => spanOf({ path: `/charge/${id}`, attributes: NEAREST })),
    spanOf({
      from: "unknown",
      attributes: {
        "heddle.authorization": "denied",
        "heddle.authorization.rule": "shop/no-legacy/0",
        "client.address": "10.0.4.17",
      },
    }),
    spanOf({
      to: "bank/ledger",
      status: 200,
      attributes: { ...NEAREST, "heddle.authorization": "would-deny" },
    }),
    spanOf({ status: 200, path: "/fine" }),
  ];
  await push(collector.otlpPort, "traces", spansBody(sent));
  const all = await waitFor("three kinds are stored", 10_000, async () => {
    const answer = await collector.json<DenialsResponse>("/api/v1/denials?windowMs=60000");
    return answer.denials.length === 3 ? answer : undefined;
  });
  assert.equal(all.isTruncated, false);
  const byRule = all.denials.find(({ policy }) => policy !== undefined);
  assert.deepEqual(
    [byRule?.source, byRule?.policy, byRule?.rule, byRule?.count, byRule?.fields],
    [{ address: "10.0.4.17" }, "shop/no-legacy", 0, 1, []],
  );
  const nearest = all.denials.find(({ count }) => count === 3);
  assert.deepEqual(
    [nearest?.source, nearest?.path, nearest?.nearest, nearest?.fields, nearest?.effect],
    [
      { namespace: "shop", workload: "web" },
      "/charge/{*}",
      { policy: "shop/pay", rule: 1 },
      ["from[0].source.principals", "to[0].operation.methods"],
      "denied",
    ],
  );
  const bank = await collector.json<DenialsResponse>("/api/v1/denials?namespace=bank");
  assert.deepEqual(
    bank.denials.map(({ effect, destination }) => [effect, destination.workload]),
    [["would-deny", "ledger"]],
  );
  const bad = await collector.get("/api/v1/denials?limit=0");
  assert.equal(bad.status, 400);
});

test("observed calls have exact counts, and the operations of the spans that were kept", async (t) => {
  const collector = await runCollector(t, (await startDatabase(t)).url);
  const endMs = Date.now();
  const counted = [
    {
      from: "shop/web",
      to: "shop/payments-v1",
      reporter: "source" as const,
      latenciesMs: [1, 2, 3],
    },
    {
      from: "10.0.4.17",
      to: "shop/payments-v1",
      reporter: "destination" as const,
      latenciesMs: [4],
    },
  ];
  const window = { proxy: "px-1", startMs: endMs - 1000, endMs, counted };
  await push(collector.otlpPort, "metrics", metricsBody(window));
  const sent = [
    spanOf({ kind: "client", status: 200, path: "/orders/17" }),
    spanOf({ kind: "client", status: 200, path: "/orders/18" }),
    spanOf({ kind: "client", status: 403, path: "/admin", attributes: NEAREST }),
  ];
  await push(collector.otlpPort, "traces", spansBody(sent));
  const { calls } = await waitFor("calls and their operations are known", 10_000, async () => {
    const path = "/api/v1/observed-calls?namespace=shop&workload=payments-v1&windowMs=60000";
    const answer = await collector.json<ObservedCallsResponse>(path);
    const web = answer.calls.find(({ source }) => source.workload === "web");
    return answer.calls.length === 2 && web?.sampledRequests === 2 ? answer : undefined;
  });
  const told = calls.map(({ source, requests, operations }) => [source, requests, operations]);
  assert.deepEqual(
    told.toSorted(([, a], [, b]) => Number(a) - Number(b)),
    [
      [{ address: "10.0.4.17" }, 1, []],
      [
        { namespace: "shop", workload: "web" },
        3,
        [{ method: "GET", path: "/orders/{*}", requests: 2 }],
      ],
    ],
  );
});
