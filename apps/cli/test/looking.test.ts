import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startMesh, waitFor } from "@heddle/testkit";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const DOCUMENTS = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews-subsets, namespace: shop}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: heddle.dev/v1
kind: RateLimit
metadata: {name: writes, namespace: shop}
spec: {selector: {matchLabels: {app: reviews}}, limits: [{name: writes, requests: 1000, per: 1s}]}
`;

test("signals, traces and the export tell what the mesh does and runs", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-looking-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mesh = await startMesh(t);
  const collector = await mesh.startCollector();
  const app = http.createServer((_, response) => response.writeHead(503).end());
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  t.after(() => app.close());
  const { port: appPort } = app.address() as AddressInfo;
  const workload = (service: string) => {
    return { namespace: "shop", service, version: "v1", appPort, protocol: "http" };
  };
  const proxy = await mesh.startProxy(
    "shop",
    { name: "host-a", workloads: [workload("front"), workload("reviews")] },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.ready.otlpPort}`,
      HEDDLE_TRACE_SAMPLING: "1",
    },
  );
  await mesh.apply(DOCUMENTS);
  const run = async (adminPort: number, ...args: string[]) => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      HEDDLE_API_URL: `http://127.0.0.1:${adminPort}`,
      HEDDLE_API_TOKEN: mesh.apiToken,
    };
    return promisify(execFile)(process.execPath, [heddle, ...args], { env, cwd: folder });
  };
  const look = (...args: string[]) => run(collector.ready.adminPort, ...args);

  const port = proxy.ready.workloads[0]?.outboundPort ?? 0;
  const call = () =>
    new Promise<void>((resolve, reject) => {
      const head = { host: "127.0.0.1", port, headers: { host: "reviews" }, agent: false } as const;
      http
        .get(head, (response) => void response.resume().once("end", resolve))
        .once("error", reject);
    });
  const traceId = await waitFor("a failed request in the list", 90_000, async () => {
    await call();
    const { stdout } = await look("traces", "list", "front->reviews", "--failed", "-o", "json");
    return (JSON.parse(stdout) as { requests: { traceId: string }[] }).requests[0]?.traceId;
  });
  const trace = await look("traces", "get", traceId);
  assert.match(trace.stdout, new RegExp(`trace ${traceId}, \\d spans`));
  assert.match(trace.stdout, /503 error/);
  const all = await look("signals");
  assert.match(all.stdout, /^NAME +SUCCESS +RPS/);
  assert.match(all.stdout, /shop\/reviews-v1 +0\.00 %/);
  const edge = await look("signals", "front->reviews", "-o", "json");
  const { rows } = JSON.parse(edge.stdout) as { rows: { signals: { errorRatio: number } }[] };
  assert.equal(rows[0]?.signals.errorRatio, 1);
  await assert.rejects(look("signals", "shop/nobody"), /"shop\/nobody": no such workload or edge/);

  const { adminPort } = mesh.controlPlane.ready;
  const printed = await run(adminPort, "export", "istio");
  assert.match(printed.stdout, /kind: DestinationRule[^]*name: reviews-subsets/);
  assert.doesNotMatch(printed.stdout, /RateLimit/);
  assert.match(printed.stderr, /RateLimit +shop\/writes +Istio limits by/);
  await run(adminPort, "export", "istio", "out");
  const file = join(folder, "out/shop/destination-rule-reviews-subsets.yaml");
  assert.match(readFileSync(file, "utf8"), /host: reviews/);
  await assert.rejects(run(adminPort, "export", "istio", "out"), /exists; name another folder/);
});
