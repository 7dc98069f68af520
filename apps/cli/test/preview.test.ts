import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PreviewResponse } from "@heddle/contracts";
import { type Mesh, startMesh, waitFor } from "@heddle/testkit";

const HEDDLE = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const REQUESTS = 400;
const SLOW_MS = 900;

const rules = (
  more: string,
  split: Record<string, number>,
  timeout = "",
) => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: shop }
spec:
  host: reviews
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
${more}    - name: everyone
      route:
${Object.entries(split)
  .map(
    ([subset, weight]) =>
      `        - { destination: { host: reviews, subset: ${subset} }, weight: ${weight} }`,
  )
  .join("\n")}
${timeout === "" ? "" : `      timeout: ${timeout}\n`}`;
const TESTERS = `    - name: testers
      match: [{ headers: { x-tester: { exact: "1" } } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
`;

/** An app that counts what reaches it; each tenth request takes `slowMs`. */
async function startReviews(t: TestContext, slowMs: number) {
  const seen = { requests: 0 };
  const server = createServer((_request, response) => {
    seen.requests += 1;
    const delayMs = seen.requests % 10 === 0 ? slowMs : 0;
    setTimeout(() => response.end("reviewed"), delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { seen, port: (server.address() as AddressInfo).port };
}

function ask(port: number, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    get(
      { host: "127.0.0.1", port, path: "/books", headers: { host: "reviews", ...headers } },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      },
    ).on("error", reject);
  });
}

/** So many requests, every fourth of them a tester's, four at a time. */
async function callReviews(port: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 4) {
    const testers = [{ "x-tester": "1" }, {}, {}, {}];
    const statuses = await Promise.all(testers.map((headers) => ask(port, headers)));
    assert.deepEqual(new Set(statuses), new Set([200]));
  }
}

async function heddle(mesh: Mesh, folder: string, ...args: string[]) {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HEDDLE_HOME: folder,
    HEDDLE_API_URL: `http://127.0.0.1:${mesh.controlPlane.ready.adminPort}`,
    HEDDLE_API_TOKEN: mesh.apiToken,
  };
  const child = spawn(process.execPath, [HEDDLE, ...args], { cwd: folder, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

const shareOf = (preview: PreviewResponse, request: string, goesTo: string) =>
  preview.services[0]?.lines.find((one) => one.request === request && one.goesTo === goesTo);
const sampledOf = (preview: PreviewResponse, kind: string) =>
  (preview.simulation?.outcomes ?? [])
    .filter((one) => one.kind === kind)
    .reduce((sum, { sampled }) => sum + sampled, 0);

test("what a preview foretells is what traffic does once the change is applied", {
  timeout: 300_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-preview-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const mesh = await startMesh(t);
  const collector = await mesh.startCollector();
  const [v1, v2] = [await startReviews(t, 0), await startReviews(t, SLOW_MS)];
  const version = (name: string, appPort: number) => ({
    ...{ namespace: "shop", service: "reviews", version: name, appPort, protocol: "http" },
  });
  const proxy = await mesh.startProxy(
    "shop",
    {
      name: "host-a",
      workloads: [
        version("v1", v1.port),
        version("v2", v2.port),
        { namespace: "shop", service: "web" },
      ],
    },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.ready.otlpPort}`,
      HEDDLE_TRACE_SAMPLING: "1",
    },
  );
  const web = proxy.ready.workloads.find(({ workload }) => workload === "web")?.outboundPort ?? 0;
  await mesh.apply(rules(TESTERS, { v1: 70, v2: 30 }));
  await callReviews(web, REQUESTS);

  const preview = async (yaml: string): Promise<PreviewResponse> => {
    const { status, body } = await mesh.call("POST", "/preview", { yaml, windowMs: 300_000 });
    assert.equal(status, 200, JSON.stringify(body));
    return PreviewResponse.parse(body);
  };
  const changed = rules(TESTERS, { v1: 20, v2: 80 }, "600ms");
  const foretold = await waitFor("all requests are known", 60_000, async () => {
    const answer = await preview(changed);
    return answer.simulation?.sampled === REQUESTS ? answer : undefined;
  });

  // The rules in force change nothing.
  const same = await preview(rules(TESTERS, { v1: 70, v2: 30 }));
  assert.deepEqual([same.changes, same.services, same.notes], [[], [], []]);

  // The header was recorded, since a rule looks at it: nothing is unknown, and the testers stay where they are.
  const { simulation } = foretold;
  assert.deepEqual(simulation?.missing, []);
  const testers = shareOf(foretold, "x-tester: 1", "v2");
  assert.deepEqual([testers?.change, testers?.beforeRatio, testers?.afterRatio], ["same", 1, 1]);
  const everyone = shareOf(foretold, "any", "v2");
  assert.deepEqual(
    [everyone?.change, everyone?.beforeRatio, everyone?.afterRatio],
    ["changed", 0.3, 0.8],
  );
  const rate = foretold.blastRadius.perSecond ?? 0;
  assert.ok(Math.abs((everyone?.afterPerSecond ?? 0) / (rate * 0.75 * 0.8) - 1) < 0.05);
  assert.deepEqual(
    foretold.blastRadius.callers.map(({ name }) => name),
    ["shop/web"],
  );
  assert.equal(foretold.blastRadius.proxyCount, 1);
  const [note] = foretold.notes;
  assert.match(
    note?.message ?? "",
    /^600 ms is below the p99 of v2( and v1)?: 1 of \d+ would time out\.$/,
  );
  assert.equal(note?.path, "spec.http[1].timeout");
  assert.match(note?.fix?.label ?? "", /^Use [\d.]+ m?s$/);
  // Half of all goes from v1 to v2; of those that are at v2 then, a tenth is too slow.
  const everyones = REQUESTS * 0.75;
  const lateExpected = everyones * 0.8 * 0.1;
  const late = sampledOf(foretold, "timed-out");
  assert.ok(Math.abs(late - lateExpected) < lateExpected * 0.5, `${late} of ${lateExpected}`);
  const movedExpected = everyones * 0.5 * 0.9;
  const moved = sampledOf(foretold, "moved");
  assert.ok(Math.abs(moved - movedExpected) < movedExpected * 0.1, `${moved} of ${movedExpected}`);

  // A rule on a header nobody has looked at cannot be told, and says so.
  const blind = await preview(rules(TESTERS.replaceAll("x-tester", "x-other"), { v1: 70, v2: 30 }));
  assert.deepEqual(blind.simulation?.missing, ["header x-other"]);
  assert.equal(sampledOf(blind, "unknown"), REQUESTS);

  // Who is denied.
  const denying = await preview(`apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-books, namespace: shop }
spec:
  selector: { matchLabels: { version: v2 } }
  action: DENY
  rules: [{ to: [{ operation: { paths: [/books] } }] }]
`);
  assert.deepEqual(denying.blastRadius.workloads, ["shop/reviews-v2"]);
  const deniedExpected = REQUESTS * (0.25 + 0.75 * 0.3);
  const denied = sampledOf(denying, "denied");
  assert.ok(Math.abs(denied - deniedExpected) <= 4, `${denied} of ${deniedExpected}`);

  // heddle diff says the same, and by its exit code.
  writeFileSync(join(folder, "changed.yaml"), changed);
  writeFileSync(join(folder, "same.yaml"), rules(TESTERS, { v1: 70, v2: 30 }));
  writeFileSync(join(folder, "faulty.yaml"), changed.replace("weight: 80", "weight: -80"));
  const diff = await heddle(mesh, folder, "diff", "-f", "changed.yaml");
  assert.equal(diff.code, 1, diff.stderr);
  assert.match(diff.stdout, /\+.*weight: 80/);
  assert.match(diff.stdout, /traffic: 600 ms is below the p99 of v2/);
  assert.match(diff.stdout, /would go from v1 to v2/);
  t.diagnostic(diff.stdout);
  assert.equal((await heddle(mesh, folder, "diff", "-f", "same.yaml")).code, 0);
  const faulty = await heddle(mesh, folder, "diff", "-f", "faulty.yaml");
  assert.deepEqual([faulty.code, /fault: .*weight/.test(faulty.stdout)], [2, true]);

  // Nobody is asked where there is no terminal; who says yes before gets what was shown, and the way back is foretold.
  writeFileSync(join(folder, "shifted.yaml"), rules(TESTERS, { v1: 20, v2: 80 }));
  const unasked = await heddle(mesh, folder, "apply", "-f", "shifted.yaml", "--preview");
  assert.match(unasked.stderr, /--yes applies without asking/);
  assert.deepEqual((await preview(rules(TESTERS, { v1: 70, v2: 30 }))).changes, []);

  // And it comes true.
  const agreed = await heddle(mesh, folder, "apply", "-f", "shifted.yaml", "--preview", "--yes");
  assert.equal(agreed.code, 0, agreed.stderr);
  assert.match(agreed.stdout, /would go from v1 to v2[^]*revision \d+, 1 of 1 proxies run it/);
  const back = await mesh.call("POST", "/preview", { restore: { revision: 1 } });
  const wayBack = PreviewResponse.parse(back.body);
  assert.deepEqual(
    wayBack.services[0]?.lines
      .filter(({ change }) => change === "changed")
      .map((line) => line.afterRatio),
    [0.7, 0.3],
  );
  const before = { v1: v1.seen.requests, v2: v2.seen.requests };
  await callReviews(web, REQUESTS);
  const share = (v2.seen.requests - before.v2) / REQUESTS;
  assert.ok(Math.abs(share - (0.25 + 0.75 * 0.8)) < 0.02, `${share} of the requests came to v2`);
});
