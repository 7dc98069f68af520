import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import http, { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { HoldResponse, HoldsResponse } from "@heddle/contracts";
import { startMesh, waitFor } from "@heddle/testkit";

const DEADLINE_MS = 30_000;

/** A server without a proxy; returns its port. */
async function startServer(t: TestContext): Promise<number> {
  const server = createServer((_, response) => response.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Asks for the service through a caller's sidecar; the status, or 0 where no answer came. */
function ask(outboundPort: number, agent: http.Agent): Promise<number> {
  return new Promise((resolve) => {
    const request = http.get(
      { host: "127.0.0.1", port: outboundPort, agent, headers: { host: "db" } },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    request.on("error", () => resolve(0));
  });
}

test("a directory emptied under traffic fails no request; a yes lets its endpoints go, and files bring them back", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "heddle-registry-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const ports = [await startServer(t), await startServer(t)];
  const files = ports.map((port, at) => ({
    path: join(directory, `db-${at}.yaml`),
    text: `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: db-${at}, namespace: shop }
spec: { address: 127.0.0.1, ports: { http: ${port} }, labels: { app: db } }
`,
  }));
  const fill = () => Promise.all(files.map(({ path, text }) => writeFile(path, text)));
  await fill();
  const mesh = await startMesh(t, { env: { HEDDLE_REGISTRY_DIR: directory } });
  const proxy = await mesh.startProxy("shop", {
    name: "front",
    workloads: [{ namespace: "shop", service: "front" }],
  });
  const outboundPort = proxy.ready.workloads[0]?.outboundPort ?? 0;
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await waitFor(
    "the service to answer",
    DEADLINE_MS,
    async () => (await ask(outboundPort, agent)) === 200,
  );

  const statuses: number[] = [];
  const over = new AbortController();
  const traffic = (async () => {
    while (!over.signal.aborted) statuses.push(await ask(outboundPort, agent));
  })();
  const holds = async () => (await mesh.call<HoldsResponse>("GET", "/holds")).body.holds;
  await Promise.all(files.map(({ path }) => unlink(path)));
  const held = await waitFor("it to be held", DEADLINE_MS, async () => (await holds())[0]);
  assert.deepEqual([held.cause, held.service, held.held.length], ["source", "shop/db", 2]);
  await fill();
  await waitFor("the hold to end by itself", DEADLINE_MS, async () => (await holds()).length === 0);
  await Promise.all(files.map(({ path }) => unlink(path)));
  const again = await waitFor("it to be held again", DEADLINE_MS, async () => (await holds())[0]);
  over.abort();
  await traffic;
  const failed = statuses.filter((status) => status !== 200);
  assert.deepEqual(failed, [], `of ${statuses.length} requests`);
  assert.ok(statuses.length > 20, `${statuses.length} requests were sent meanwhile`);

  const answer = await mesh.call<HoldResponse>("POST", `/holds/${again.id}/confirm`, {});
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  await waitFor(
    "nobody to be there",
    DEADLINE_MS,
    async () => (await ask(outboundPort, agent)) !== 200,
  );
  await fill();
  await waitFor(
    "them to be back",
    DEADLINE_MS,
    async () => (await ask(outboundPort, agent)) === 200,
  );
});
