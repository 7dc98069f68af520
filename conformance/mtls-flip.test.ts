// A change between DISABLE and PERMISSIVE under load, through a real control plane and real proxies: callers and
// server hear of it at different moments, and no request may fall between them.
import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { startMesh, waitFor } from "@heddle/testkit";

const PERIOD_MS = 5; // 200 requests a second
const FLIPS = ["DISABLE", "PERMISSIVE", "DISABLE", "PERMISSIVE"] as const;
/** Requests that have to come by the new way before the next change. */
const SETTLED = 60;

/** A busy machine is no reason to turn requests away here. */
const PATIENT = { HEDDLE_MAX_LAG_MS: "30000" };

const policy = (mode: string) => `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: till, namespace: shop}
spec: {selector: {matchLabels: {app: till}}, mtls: {mode: ${mode}}}
`;

/** An app that keeps of each request whether it came by mTLS. */
async function startApp(t: TestContext): Promise<{ port: number; isMutual: boolean[] }> {
  const isMutual: boolean[] = [];
  const server = http.createServer((request, response) => {
    isMutual.push(request.headers["x-forwarded-client-cert"] !== undefined);
    request.resume().on("end", () => response.end("paid"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, isMutual };
}

/** Posts, which nobody may send twice, at a fixed rate until `stop`; what each came to. */
function startLoad(port: number) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const outcomes = new Map<string, number>();
  const waiting = new Set<Promise<void>>();
  const note = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const post = () =>
    new Promise<void>((resolve) => {
      const headers = { host: "till", "content-length": 3 };
      const options = { agent, host: "127.0.0.1", port, method: "POST", path: "/pay", headers };
      const request = http.request(options, (response) => {
        let text = "";
        response.on("data", (part: Buffer) => (text += part.toString()));
        response.on("end", () => {
          note(response.statusCode === 200 ? "200" : `${response.statusCode} ${text}`);
          resolve();
        });
      });
      request.on("error", (error) => {
        note(error.message);
        resolve();
      });
      request.end("10\n");
    });
  const timer = setInterval(() => {
    const one = post();
    waiting.add(one);
    void one.finally(() => waiting.delete(one));
  }, PERIOD_MS);
  return {
    outcomes,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(waiting);
      agent.destroy();
    },
  };
}

test("a workload goes between PERMISSIVE and DISABLE under 200 requests a second, and none is lost", async (t) => {
  const mesh = await startMesh(t);
  const { port, isMutual } = await startApp(t);
  const till = { namespace: "shop", service: "till", appPort: port, protocol: "http" };
  await mesh.startProxy("shop", { name: "server", workloads: [till] }, PATIENT);
  const front = { namespace: "shop", service: "front" };
  const caller = await mesh.startProxy("shop", { name: "caller", workloads: [front] }, PATIENT);
  const outboundPort = caller.ready.workloads[0]?.outboundPort ?? 0;
  const load = startLoad(outboundPort);
  t.after(() => load.stop());
  const settle = async (isByMtls: boolean) => {
    await waitFor(`requests come by ${isByMtls ? "mTLS" : "plaintext"}`, 20_000, () => {
      const last = isMutual.slice(-SETTLED);
      return last.length === SETTLED && last.every((one) => one === isByMtls);
    });
    isMutual.length = 0;
  };
  await settle(true);
  for (const mode of FLIPS) {
    await mesh.apply(policy(mode));
    await settle(mode !== "DISABLE");
  }
  await load.stop();
  assert.deepEqual([...load.outcomes.keys()], ["200"], JSON.stringify([...load.outcomes]));
});
