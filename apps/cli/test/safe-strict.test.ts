import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  LadderResponse,
  MtlsSetResponse,
  PreflightResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { type Mesh, startMesh, waitFor } from "@heddle/testkit";
import type { z } from "zod";

const HEDDLE = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const LEGACY_CALLER = fileURLToPath(
  new URL("../../../examples/shop/src/legacy-caller.ts", import.meta.url),
);
const RATE = 5;
/** The demo's legacy caller, at another rate. */
const SHOP = `namespace: shop
load: { from: web-gateway, ratePerSecond: 1 }
legacy: { name: legacy-billing, address: 127.0.4.17, calls: shipping, ratePerSecond: ${RATE} }
services:
  web-gateway: { proxy: host-a, versions: { v1: {} } }
  shipping: { proxy: host-a, versions: { v3: {} } }
`;
const WORKLOAD_ENTRY = `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: legacy-billing, namespace: shop }
spec: { address: 127.0.4.17 }
`;

/** An app that counts what reaches it. */
async function startShipping(t: TestContext) {
  const seen = { requests: 0 };
  const server = createServer((_request, response) => {
    seen.requests += 1;
    response.end("shipped");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { seen, port: (server.address() as AddressInfo).port };
}

/** The command line against this mesh. */
function commandLine(t: TestContext, mesh: Mesh, folder: string, otlpEndpoint: string) {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HEDDLE_HOME: folder,
    HEDDLE_API_URL: `http://127.0.0.1:${mesh.controlPlane.ready.adminPort}`,
    HEDDLE_API_TOKEN: mesh.apiToken,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
    HEDDLE_DRAIN_TIMEOUT_MS: "500",
  };
  const start = (args: readonly string[]) => {
    const child = spawn(process.execPath, [HEDDLE, ...args], { cwd: folder, env });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    return { child, exited, stdout: () => stdout, stderr: () => stderr };
  };
  return {
    /** Its exit code and what it printed as JSON. */
    async json<Shape extends z.ZodType>(
      shape: Shape,
      ...args: string[]
    ): Promise<{ code: number | null; answer: z.infer<Shape> }> {
      const run = start([...args, "-o", "json"]);
      const code = await run.exited;
      assert.notEqual(run.stdout(), "", run.stderr());
      return { code, answer: shape.parse(JSON.parse(run.stdout())) };
    },
    async text(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
      const run = start(args);
      const code = await run.exited;
      return { code, out: run.stdout(), err: run.stderr() };
    },
    /** Runs on until the test ends. */
    async background(args: readonly string[], isReady: RegExp): Promise<void> {
      const run = start(args);
      t.after(async () => {
        run.child.kill("SIGTERM");
        await run.exited;
      });
      await waitFor(`${args.join(" ")} says that it is ready`, 60_000, () => {
        if (run.child.exitCode !== null) throw new Error(run.stderr());
        return isReady.test(run.stderr());
      });
    },
  };
}

test("a legacy caller is named with its rate, a guarded STRICT takes itself back for it, and stays once it is in the mesh", {
  timeout: 300_000,
  skip: process.platform !== "linux" && "needs all of 127.0.0.0/8",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-strict-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const shopFile = join(folder, "shop.yaml");
  writeFileSync(shopFile, SHOP);
  const mesh = await startMesh(t);
  const shipping = await startShipping(t);
  const collector = await mesh.startCollector();
  const otlpEndpoint = `http://127.0.0.1:${collector.ready.otlpPort}`;
  const proxy = await mesh.startProxy(
    "shop",
    {
      name: "host-a",
      workloads: [
        {
          namespace: "shop",
          service: "shipping",
          version: "v3",
          appPort: shipping.port,
          protocol: "http",
        },
      ],
    },
    { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint },
  );
  await mesh.apply(WORKLOAD_ENTRY);
  const heddle = commandLine(t, mesh, folder, otlpEndpoint);

  // Counted while nothing is refused.
  const dry = await heddle.text("mtls", "set", "shop/shipping-v3", "PERMISSIVE", "--dry-run");
  assert.equal(dry.code, 0, dry.err);
  const inboundPort = proxy.ready.workloads[0]?.inboundPort ?? 0;
  const legacy = spawn(
    process.execPath,
    [LEGACY_CALLER, shopFile, `http://127.0.0.1:${inboundPort}`],
    { stdio: "ignore" },
  );
  t.after(() => legacy.kill("SIGKILL"));

  const preflight = () =>
    heddle.json(PreflightResponse, "mtls", "preflight", "shop/shipping-v3", "--window", "5m");
  const caller = await waitFor("the preflight has the caller with its rate", 120_000, async () => {
    const [first] = (await preflight()).answer.callers;
    const isNear = Math.abs((first?.requestsPerSecond ?? 0) / RATE - 1) < 0.2;
    return isNear ? first : undefined;
  });
  assert.deepEqual(
    [caller.label, caller.sourceAddress, caller.reasons],
    ["legacy-billing", "127.0.4.17", ["plaintext"]],
  );
  const { wouldBeRefused = 0 } = caller;
  assert.ok(wouldBeRefused > RATE * 5, `${wouldBeRefused} would be refused`);
  assert.ok(wouldBeRefused <= caller.requests + RATE, `of ${caller.requests}`); // some are under way
  assert.equal(caller.refused, 0);
  const ladder = await heddle.json(LadderResponse, "mtls", "ladder");
  assert.match(ladder.answer.next.words, /^Bring legacy-billing into the mesh/);

  // The flip hurts, and is taken back.
  const flip = await heddle.json(
    MtlsSetResponse,
    ...["mtls", "set", "shop/shipping-v3", "STRICT", "--guard", "60s", "--max-refusals", "5"],
  );
  const guard = flip.answer.guard;
  assert.deepEqual([flip.code, guard?.status], [1, "taken-back"]);
  assert.match(
    guard?.words ?? "",
    /^shipping-v3 is PERMISSIVE again: \d+ requests were refused in \d+ s, all from 127\.0\.4\.17\.$/,
  );
  const tookMs = (guard?.endedAtMs ?? Number.POSITIVE_INFINITY) - (guard?.startedAtMs ?? 0);
  assert.ok(tookMs < 60_000, `taken back after ${tookMs} ms`);
  t.diagnostic(`taken back after ${tookMs} ms, ${guard?.refused} refused`);
  const { answer: modes } = await heddle.json(WorkloadsResponse, "mtls", "get", "shop/shipping-v3");
  assert.deepEqual(
    modes.workloads.map(({ mtlsMode, isStrictDryRun }) => [mtlsMode, isStrictDryRun]),
    [["PERMISSIVE", true]],
  );
  const served = shipping.seen.requests;
  await waitFor("the caller is served again", 20_000, () => shipping.seen.requests > served + 5);

  // The caller joins, and the flip stays.
  legacy.kill("SIGTERM");
  await new Promise((resolve) => legacy.once("exit", resolve));
  const command = `exec "${process.execPath}" "${LEGACY_CALLER}" "${shopFile}" "$HEDDLE_OUTBOUND_URL"`;
  await heddle.background(
    ["run", "--namespace", "shop", "--service", "legacy-billing", "--", "sh", "-c", command],
    /shop\/legacy-billing is in the mesh/,
  );
  const before = shipping.seen.requests;
  await waitFor("it calls through the mesh", 60_000, () => shipping.seen.requests > before + 5);
  const second = await heddle.text(
    ...["mtls", "set", "shop/shipping-v3", "STRICT", "--guard", "5s", "--watch"],
  );
  assert.equal(second.code, 0, second.out + second.err);
  assert.match(second.out, /shipping-v3 stays STRICT: nobody was refused in 5 s\./);
  const after = shipping.seen.requests;
  await waitFor("it still is served", 20_000, () => shipping.seen.requests > after + 5);
  const { answer: end } = await heddle.json(LadderResponse, "mtls", "ladder");
  assert.deepEqual(
    end.workloads.find(({ workload }) => workload === "shipping-v3")?.rung,
    "strict",
  );
});
