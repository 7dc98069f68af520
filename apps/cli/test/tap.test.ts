import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http, { createServer } from "node:http";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type {
  ApiTokenCreateResponse,
  Problem,
  TapBatch,
  TapEvent,
  TapRequest,
  TapResponse,
  TapsResponse,
} from "@heddle/contracts";
import { type Mesh, startMesh, waitFor } from "@heddle/testkit";
import { readEvents } from "../src/api/event-stream.ts";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const DEADLINE_MS = 60_000;
const REVIEWS = { namespace: "shop", service: "reviews" };

async function listening(t: TestContext, server: http.Server | net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A mesh whose proxy hosts front, which calls reviews (HTTP) and ledger (TCP), and a collector. */
async function startTapped(t: TestContext) {
  const mesh = await startMesh(t);
  const collector = await mesh.startCollector();
  const app = createServer((request, response) => {
    response.writeHead(request.url?.startsWith("/fail") ? 503 : 200).end("hello");
  });
  const appPort = await listening(t, app);
  const ledger = net.createServer((socket) => socket.on("error", () => {}).pipe(socket));
  const ledgerPort = await listening(t, ledger);
  const workload = (service: string, port: number, protocol: string) => {
    return { namespace: "shop", service, version: "v1", appPort: port, protocol };
  };
  const proxy = await mesh.startProxy(
    "shop",
    {
      name: "host-a",
      workloads: [
        { ...workload("front", appPort, "http"), outbounds: [{ host: "ledger", localPort: 0 }] },
        workload("reviews", appPort, "http"),
        workload("ledger", ledgerPort, "tcp"),
      ],
    },
    { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.ready.otlpPort}` },
  );
  const [front] = proxy.ready.workloads;
  const port = front?.outboundPort ?? 0;
  const send = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    new Promise<number>((resolve, reject) => {
      const head = { host: "127.0.0.1", port, path, headers: { host: "reviews", ...headers } };
      http
        .get({ ...head, agent: false }, (response) => {
          response.resume().once("end", () => resolve(response.statusCode ?? 0));
        })
        .once("error", reject);
    });
  await waitFor("reviews is served", DEADLINE_MS, async () => (await send("/")) === 200);
  return { mesh, collector, send, ledgerPort: front?.outbounds[0]?.localPort ?? 0 };
}

type Tapped = Awaited<ReturnType<typeof startTapped>>;

async function begin(mesh: Mesh, request: TapRequest): Promise<TapResponse> {
  const { status, body } = await mesh.call<TapResponse>("POST", "/taps", request);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

/** Reads a tap from the collector as it comes. */
async function read(t: TestContext, { mesh, collector }: Tapped, tapId: string) {
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  const url = `http://127.0.0.1:${collector.ready.adminPort}/api/v1/tapped/${tapId}`;
  const headers = { authorization: `Bearer ${mesh.apiToken}` };
  const response = await fetch(url, { headers, signal: leaving.signal });
  assert.equal(response.status, 200);
  const seen = { events: [] as TapEvent[], notShown: 0, end: "" };
  const { body } = response;
  assert.ok(body);
  void (async () => {
    try {
      for await (const { event, data } of readEvents(body)) {
        if (event === "end") seen.end = (JSON.parse(data) as { reason: string }).reason;
        if (event !== "requests") continue;
        const batch = JSON.parse(data) as TapBatch;
        seen.events.push(...batch.events);
        seen.notShown += batch.notShown;
      }
    } catch {
      // The test has left, or ended the collector.
    }
  })();
  return { seen, leave: () => leaving.abort() };
}

/** Until the proxy taps: it was told, and what it tells arrives. */
async function untilHeard(tapped: Tapped, reader: Awaited<ReturnType<typeof read>>, path: string) {
  await waitFor("the first tapped request", DEADLINE_MS, async () => {
    await tapped.send(path);
    return reader.seen.events.length + reader.seen.notShown > 0;
  });
}

/** All that was sent before a request that is told alone, is told. */
async function settled(tapped: Tapped, seen: { events: TapEvent[] }, mark: string) {
  await tapped.send(mark);
  await waitFor(`the mark ${mark}`, DEADLINE_MS, () => seen.events.some((e) => e.path === mark));
}

test("taps show exactly the requests they ask for, of two at once, without queries or credentials", async (t) => {
  const tapped = await startTapped(t);
  const { mesh, send } = tapped;
  const anna = await begin(mesh, {
    targets: [REVIEWS],
    filter: { headers: [{ name: "X-Tester", value: "an*" }] },
  });
  const failed = await begin(mesh, {
    targets: [{ namespace: "shop", workload: "front-v1" }],
    filter: { statuses: ["5xx"], to: { namespace: "shop", name: "reviews" } },
  });
  assert.deepEqual(anna.workloads, ["shop/reviews-v1"]);
  const readers = [await read(t, tapped, anna.tap.id), await read(t, tapped, failed.tap.id)];
  const [ofAnna, ofFailed] = readers;
  assert.ok(ofAnna && ofFailed);
  await untilHeard(tapped, ofFailed, "/fail/first");
  const headers = { "x-tester": "anna", authorization: "Bearer s3cret", cookie: "sid=s3cret" };
  for (const path of ["/a?token=s3cret", "/fail/a", "/a"]) await send(path, headers);
  for (const path of ["/b", "/b"]) await send(path, { "x-tester": "bert" });
  await send("/mark", { "x-tester": "anyone" });
  await waitFor("anna's requests", DEADLINE_MS, () =>
    ofAnna.seen.events.some(({ path }) => path === "/mark"),
  );
  const told = ofAnna.seen.events.map(({ path, status }) => `${path} ${status}`);
  assert.deepEqual(told, ["/a 200", "/fail/a 503", "/a 200", "/mark 200"]);
  const [first] = ofAnna.seen.events;
  assert.equal(first?.direction, "inbound");
  assert.equal(first.source.workload, "shop/front-v1");
  assert.equal(first.destination.workload, "shop/reviews-v1");
  assert.match(first.source.principal ?? "", /^spiffe:.*\/sa\/front-v1$/);
  assert.equal(first.security, "mutual_tls");
  assert.equal(first.headers["x-tester"], "anna");
  assert.doesNotMatch(JSON.stringify(ofAnna.seen.events), /s3cret/);
  await settled(tapped, ofFailed.seen, "/fail/mark");
  const later = ofFailed.seen.events.filter(({ path }) => path !== "/fail/first");
  assert.deepEqual(
    later.map(({ path }) => path),
    ["/fail/a", "/fail/mark"],
  );
  assert.equal(later[0]?.failedBy, "app");
  assert.equal(later[0]?.direction, "outbound");
});

test("a tap tells of connections, counts what is above its rate, and nobody but operators may look", async (t) => {
  const tapped = await startTapped(t);
  const { mesh, send } = tapped;
  const ledger = { namespace: "shop", service: "ledger" };
  const tcp = await begin(mesh, { targets: [ledger] });
  const ofTcp = await read(t, tapped, tcp.tap.id);
  await waitFor("a connection that was closed", DEADLINE_MS, async () => {
    const socket = net.connect(tapped.ledgerPort, "127.0.0.1", () => socket.write("hello"));
    socket.once("data", () => socket.end());
    await once(socket, "close");
    return ofTcp.seen.events.some(({ kind }) => kind === "connection-closed");
  });
  const closed = ofTcp.seen.events.find(({ kind }) => kind === "connection-closed");
  assert.deepEqual([closed?.requestBytes, closed?.responseBytes], [5, 5]);
  assert.equal(closed?.source.workload, "shop/front-v1");
  assert.ok(ofTcp.seen.events.some(({ kind }) => kind === "connection-opened"));

  const few = await begin(mesh, { targets: [REVIEWS], maxPerSecond: 1 });
  const ofFew = await read(t, tapped, few.tap.id);
  await untilHeard(tapped, ofFew, "/");
  await waitFor("some that were not shown", DEADLINE_MS, async () => {
    await Promise.all(Array.from({ length: 20 }, () => send("/many")));
    return ofFew.seen.notShown > 10;
  });

  const { body: viewer } = await mesh.call<ApiTokenCreateResponse>("POST", "/api-tokens", {
    name: "viewer",
    grants: [{ namespace: "*", role: "viewer" }],
  });
  const as = { authorization: `Bearer ${viewer.secret}`, "content-type": "application/json" };
  const refused = await fetch(`http://127.0.0.1:${mesh.controlPlane.ready.adminPort}/api/v1/taps`, {
    method: "POST",
    headers: as,
    body: JSON.stringify({ targets: [REVIEWS] }),
  });
  assert.equal(refused.status, 403);
  const stream = await fetch(
    `http://127.0.0.1:${tapped.collector.ready.adminPort}/api/v1/tapped/${few.tap.id}`,
    { headers: as },
  );
  assert.equal(stream.status, 403);
  const audit = await mesh.call<{ entries: { act: string; result: string }[] }>("GET", "/audit");
  const acts = audit.body.entries.filter(({ act }) => act === "tap.begin");
  assert.deepEqual(acts.map(({ result }) => result).sort(), ["ok", "ok", "refused"]);

  const wrong = await mesh.call<Problem>("POST", "/taps", {
    targets: [REVIEWS],
    filter: { headers: [{ name: "Authorization", value: "*" }], statuses: ["6xx"] },
    maxPerSecond: 5000,
  });
  assert.equal(wrong.status, 400);
  const fields = wrong.body.errors?.map(({ field }) => field).sort();
  assert.deepEqual(fields, ["filter.headers.0.name", "filter.statuses.0", "maxPerSecond"]);
  const nobody = { targets: [{ namespace: "shop", service: "nobody" }] };
  assert.equal((await mesh.call("POST", "/taps", nobody)).status, 404);
});

test("a tap ends by its time, and when nobody reads it any more; killing collector and control plane touches no request", async (t) => {
  const tapped = await startTapped(t);
  const { mesh, collector, send } = tapped;
  const left = () => mesh.call<TapsResponse>("GET", "/taps").then(({ body }) => body.taps.length);
  const short = await begin(mesh, { targets: [REVIEWS], forMs: 2_000 });
  const ofShort = await read(t, tapped, short.tap.id);
  await waitFor("its end", DEADLINE_MS, () => ofShort.seen.end !== "");
  assert.equal(ofShort.seen.end, "time");
  await waitFor("no tap", DEADLINE_MS, async () => (await left()) === 0);

  const long = await begin(mesh, { targets: [REVIEWS], forMs: 600_000 });
  const ofLong = await read(t, tapped, long.tap.id);
  await untilHeard(tapped, ofLong, "/");
  ofLong.leave();
  await waitFor("no tap after its reader left", DEADLINE_MS, async () => (await left()) === 0);

  const last = await begin(mesh, { targets: [REVIEWS], forMs: 600_000 });
  const ofLast = await read(t, tapped, last.tap.id);
  await untilHeard(tapped, ofLast, "/");
  const statuses = new Set<number>();
  const stopping = new AbortController();
  const traffic = (async () => {
    while (!stopping.signal.aborted) statuses.add(await send("/on"));
  })();
  collector.child.kill("SIGKILL");
  for (let sent = 0; sent < 20; sent++) statuses.add(await send("/without-collector"));
  mesh.controlPlane.child.kill("SIGKILL");
  for (let sent = 0; sent < 20; sent++) statuses.add(await send("/without-both"));
  stopping.abort();
  await traffic;
  assert.deepEqual([...statuses], [200]);
});

test("heddle tap prints each request on a line, ends after --limit, and sums up", async (t) => {
  const tapped = await startTapped(t);
  const { mesh, collector, send } = tapped;
  // Stands for the console, which is the one origin of both.
  const door = createServer((request, response) => {
    const isTapped = request.url?.startsWith("/api/v1/tapped") === true;
    const port = isTapped ? collector.ready.adminPort : mesh.controlPlane.ready.adminPort;
    const { method, headers, url: path } = request;
    const asked = http.request({ host: "127.0.0.1", port, method, headers, path }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    asked.on("error", () => response.destroy());
    response.on("close", () => asked.destroy());
    request.pipe(asked);
  });
  const folder = mkdtempSync(join(tmpdir(), "heddle-tap-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    HEDDLE_API_URL: `http://127.0.0.1:${await listening(t, door)}`,
    HEDDLE_API_TOKEN: mesh.apiToken,
  };
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [heddle, "tap", ...args], { env });
  const stopping = new AbortController();
  const traffic = (async () => {
    while (!stopping.signal.aborted) await send("/fail/often");
  })();
  const { stdout, stderr } = await run("reviews", "--status", "failed", "--limit", "3");
  const json = await run("shop/front", "--limit", "2", "-o", "json", "--for", "2m");
  stopping.abort();
  await traffic;
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.match(
      line,
      /^[\d:.]{12} {2}503 .* front-v1 +→ reviews-v1 +GET +\/fail\/often {2}\(failed/,
    );
  }
  assert.match(stderr, /tapping shop\/reviews-v1 at 1 proxy for 60 s/);
  assert.match(stderr, /3 requests: 3 × 503; p50 /);
  const events = json.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as TapEvent);
  assert.deepEqual(
    events.map(({ direction }) => direction),
    ["outbound", "outbound"],
  );
  await assert.rejects(run("nobody"), /"nobody": no such service or workload/);
  await assert.rejects(run("reviews", "--status", "6xx"), /is no status: use 404, 5xx/);
  const { body } = await mesh.call<TapsResponse>("GET", "/taps");
  assert.deepEqual(body.taps, []);
});
