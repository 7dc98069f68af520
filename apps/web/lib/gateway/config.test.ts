import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidConsoleConfigError, parseGatewayConfig } from "./config.ts";

test("defaults to the loopback ports of control plane and collector", () => {
  const config = parseGatewayConfig({ HEDDLE_COLLECTOR_URL: "" });
  assert.deepEqual(config.controlPlaneUrls.map(String), ["http://127.0.0.1:15014/"]);
  assert.equal(config.collectorUrl.href, "http://127.0.0.1:4319/");
});

test("takes several control planes, separated by commas", () => {
  const config = parseGatewayConfig({ HEDDLE_CONTROL_PLANE_URL: "http://a:1, https://b:2" });
  assert.deepEqual(config.controlPlaneUrls.map(String), ["http://a:1/", "https://b:2/"]);
});

test("names every wrong variable, its value and what is allowed in one error", () => {
  assert.throws(
    () =>
      parseGatewayConfig({
        HEDDLE_CONTROL_PLANE_URL: "127.0.0.1:15014",
        HEDDLE_COLLECTOR_URL: "http://127.0.0.1:4319/api",
      }),
    (error) => {
      assert.ok(error instanceof InvalidConsoleConfigError);
      assert.match(error.message, /HEDDLE_CONTROL_PLANE_URL: expected an http\(s\) address.*"127/);
      assert.match(error.message, /HEDDLE_COLLECTOR_URL: expected .*\(is "http:.*\/api"\)/);
      return true;
    },
  );
});
