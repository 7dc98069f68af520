import assert from "node:assert/strict";
import { test } from "node:test";
import {
  appEnvironment,
  checkNames,
  parseOutbound,
  parsePort,
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

test("a port may name what it speaks, and no port is given twice", () => {
  const ports = parsePort("9000:tcp", parsePort("8080"));
  assert.deepEqual(ports, [{ port: 8080 }, { port: 9000, protocol: "tcp" }]);
  for (const bad of ["0", "65536", "x", "80:", "80:smtp", "-1", ""]) {
    assert.throws(() => parsePort(bad, []), /such as 9000:tcp/, bad);
  }
  assert.throws(() => parsePort("8080", ports), /port 8080 is given twice/);
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
