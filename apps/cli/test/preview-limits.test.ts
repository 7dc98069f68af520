import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { PreviewResponse } from "@heddle/contracts";
import { startMesh, waitFor } from "@heddle/testkit";

const REQUESTS = 80;
const EVERY_MS = 50;
const CONNECTIONS = 8;

const LIMIT = `apiVersion: heddle.dev/v1
kind: RateLimit
metadata: { name: reviews, namespace: shop }
spec:
  selector: { matchLabels: { app: reviews } }
  limits: [{ name: all, requests: 5, per: 1s, burst: 5 }]
`;
const RETRIES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
    - route: [{ destination: { host: reviews } }]
      retries: { attempts: 1, retryOn: 5xx }
`;
const NOT_WEB = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: store, namespace: shop }
spec:
  selector: { matchLabels: { app: store } }
  action: DENY
  rules: [{ from: [{ source: { principals: ["*/ns/shop/sa/web"] } }] }]
`;

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The status of one request; every fourth path fails at its first try. */
function ask(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, headers: { host: "reviews" } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    }).on("error", reject);
  });
}

/** One after the other's time, whatever the answers do. */
async function sendAll(port: number): Promise<Map<number, number>> {
  const asked: Promise<number>[] = [];
  for (let sent = 0; sent < REQUESTS; sent++) {
    asked.push(ask(port, sent % 4 === 0 ? "/flaky" : "/"));
    await pause(EVERY_MS);
  }
  const groups = Map.groupBy(await Promise.all(asked), (status) => status);
  return new Map([...groups].map(([status, all]) => [status, all.length]));
}

/** What the far end says; empty: it was closed before a byte. */
function open(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(text));
  });
}

test("limits, retries and policies for connections do what their preview foretold", {
  timeout: 300_000,
}, async (t) => {
  const mesh = await startMesh(t);
  const collector = await mesh.startCollector();
  const tries = { flaky: 0 };
  const reviews = await listen(
    t,
    createServer((request, response) => {
      if (request.url === "/flaky") tries.flaky += 1;
      response.statusCode = request.url === "/flaky" ? 503 : 200;
      response.end();
    }),
  );
  const store = await listen(
    t,
    createTcpServer((socket) => socket.end("stored")),
  );
  const workload = (service: string, more: object) => ({ namespace: "shop", service, ...more });
  const proxy = await mesh.startProxy(
    "shop",
    {
      name: "host-a",
      workloads: [
        workload("reviews", { appPort: reviews, protocol: "http" }),
        workload("store", { appPort: store, protocol: "tcp" }),
        workload("web", { outbounds: [{ host: "store", localPort: 0 }] }),
      ],
    },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.ready.otlpPort}`,
      HEDDLE_TRACE_SAMPLING: "1",
    },
  );
  const web = proxy.ready.workloads.find((one) => one.workload === "web");
  assert.ok(web);
  const storePort = web.outbounds[0]?.localPort ?? 0;
  assert.deepEqual(
    await sendAll(web.outboundPort),
    new Map([
      [503, REQUESTS / 4],
      [200, (REQUESTS / 4) * 3],
    ]),
  );
  for (let opened = 0; opened < CONNECTIONS; opened++)
    assert.equal(await open(storePort), "stored");

  const preview = async (yaml: string): Promise<PreviewResponse> => {
    const { status, body } = await mesh.call("POST", "/preview", { yaml });
    assert.equal(status, 200, JSON.stringify(body));
    return PreviewResponse.parse(body);
  };
  const countOf = ({ simulation }: PreviewResponse, kind: string) =>
    (simulation?.outcomes ?? [])
      .filter((one) => one.kind === kind)
      .reduce((sum, { sampled }) => sum + sampled, 0);
  const limited = await waitFor("all requests are known", 60_000, async () => {
    const answer = await preview(LIMIT);
    return answer.simulation?.sampled === REQUESTS ? answer : undefined;
  });
  const retried = await preview(RETRIES);
  const denied = await waitFor("all connections are counted", 60_000, async () => {
    const answer = await preview(NOT_WEB);
    return answer.simulation?.connections ? answer : undefined;
  });

  // Every one that failed would be tried again, and is.
  assert.equal(countOf(retried, "retried"), REQUESTS / 4);
  await mesh.apply(RETRIES);
  const triesBefore = tries.flaky;
  assert.equal(await ask(web.outboundPort, "/flaky"), 503);
  assert.equal(tries.flaky - triesBefore, 2);
  await mesh.remove("VirtualService", "shop", "reviews");

  // So many find no room, give or take what a busy machine makes of the pace.
  const foretold = countOf(limited, "rate-limited");
  await mesh.apply(LIMIT);
  const refused = (await sendAll(web.outboundPort)).get(429) ?? 0;
  assert.ok(
    foretold > 0 && Math.abs(refused - foretold) <= REQUESTS / 4,
    `${refused}, ${foretold}`,
  );

  // The caller's connections would be denied, and are.
  const [connections] = denied.simulation?.connections ?? [];
  assert.deepEqual(
    [connections?.source, connections?.service, connections?.kind],
    ["shop/web", "shop/store", "denied"],
  );
  await mesh.apply(NOT_WEB);
  assert.equal(await open(storePort), "");
});
