import assert from "node:assert/strict";
import { test } from "node:test";
import { healthCheckOf } from "./health-options.ts";

const port = [{ port: 9000 }];

test("each kind of check is written as the proxy reads it", () => {
  assert.equal(healthCheckOf({ port }), undefined);
  assert.deepEqual(healthCheckOf({ port, healthHttp: "/ready", healthInterval: 500 }), {
    http: { path: "/ready" },
    intervalMs: 500,
  });
  assert.deepEqual(healthCheckOf({ port, healthGrpc: true }), { grpc: { serviceName: "" } });
  assert.deepEqual(healthCheckOf({ port, healthGrpc: "shop" }), { grpc: { serviceName: "shop" } });
  assert.deepEqual(healthCheckOf({ port, healthTcp: true, unhealthyThreshold: 1 }), {
    tcp: {},
    unhealthyThreshold: 1,
  });
  const command = { argv: ["/bin/sh", "-c", "test -f up"] };
  assert.deepEqual(healthCheckOf({ healthCmd: "test -f up" }), { command });
});

test("a check that cannot be meant is refused", () => {
  const refusals: readonly (readonly [Parameters<typeof healthCheckOf>[0], RegExp])[] = [
    [{ port, healthHttp: "/", healthTcp: true }, /give one of them, not 2/],
    [{ port, healthHttp: "ready" }, /expected a path that begins with \//],
    [{ healthTcp: true }, /give --port/],
    [{ port, unhealthyThreshold: 2 }, /has limits but no kind/],
    [{ port, healthTcp: true, healthInterval: 10 }, /at least 100 ms/],
  ];
  for (const [options, message] of refusals) {
    assert.throws(() => healthCheckOf(options), { message });
  }
});
