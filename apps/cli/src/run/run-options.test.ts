import assert from "node:assert/strict";
import { test } from "node:test";
import {
  appEnvironment,
  checkNames,
  parseOutbound,
  type RunOptions,
  workloadOf,
} from "./run-options.ts";

test("an outbound names a host with its port and a local port", () => {
  assert.deepEqual(parseOutbound("ratings:8080=7001", []), [
    { host: "ratings:8080", localPort: 7001 },
  ]);
  for (const bad of ["ratings=7001", "ratings:8080", "ratings:8080=70000", "ratings:8080=x", ""]) {
    assert.throws(() => parseOutbound(bad, []), /HOST:PORT=LOCALPORT/, bad);
  }
});

test("a workload is named after service and version unless it has a name of its own", () => {
  const base = { service: "reviews", namespace: "shop", outbound: [] };
  assert.equal(workloadOf(base), "reviews");
  assert.equal(workloadOf({ ...base, version: "v2" }), "reviews-v2");
  assert.equal(workloadOf({ ...base, version: "v1.9" }), "reviews-v1-9");
  assert.equal(workloadOf({ ...base, version: "v2", workload: "other" }), "other");
});

test("a name the mesh would not take is refused with the option it came from", () => {
  const base = { service: "reviews", namespace: "shop", outbound: [] };
  checkNames({ ...base, version: "v1.9_rc" });
  const refusals: readonly (readonly [Partial<RunOptions>, RegExp])[] = [
    [{ service: "Bad_Name" }, /^--service "Bad_Name": expected lower-case/],
    [{ namespace: "a b" }, /^--namespace "a b"/],
    [{ workload: "a.b" }, /^--workload "a\.b"/],
    [{ version: "v 1" }, /^--version "v 1"/],
    [{ service: "a".repeat(62), version: "v1" }, /longer than 63; name it with --workload/],
  ];
  for (const [options, message] of refusals) {
    assert.throws(() => checkNames({ ...base, ...options }), { message });
  }
});

test("an app gets the proxy's address and its own port, and not our token", () => {
  const env = appEnvironment({ KEPT: "1", HEDDLE_API_TOKEN: "secret" }, 15_001, 9000);
  assert.equal(env["KEPT"], "1");
  assert.equal(env["HEDDLE_API_TOKEN"], undefined);
  assert.equal(env["HTTP_PROXY"], "http://127.0.0.1:15001");
  assert.equal(env["HEDDLE_OUTBOUND_URL"], "http://127.0.0.1:15001");
  assert.equal(env["NO_PROXY"], "localhost,127.0.0.1,::1");
  assert.equal(env["PORT"], "9000");
});
