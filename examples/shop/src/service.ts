// One service of the shop: `node service.ts SHOP_FILE SERVICE VERSION`. PORT is where it serves,
// HEDDLE_OUTBOUND_URL its sidecar's outbound port, SHOP_LOCAL_PORTS (`name=port,…`) the ports the
// sidecar keeps for destinations that are not called by HTTP. It knows nothing else of the mesh.
import http from "node:http";
import { makeCallers } from "./callers.ts";
import { exactShare, latencySequence } from "./exact-share.ts";
import { forwardedHeaders } from "./mesh-client.ts";
import { startOpenLoop } from "./open-loop.ts";
import { readShopFile, type ShopVersion } from "./shop-file.ts";

const [file, service, version] = process.argv.slice(2);
if (file === undefined || service === undefined || version === undefined) {
  fail("usage: service.ts SHOP_FILE SERVICE VERSION");
}
const shop = readShopFile(file);
const speaks = shop.services[service]?.speaks;
const behaviour = shop.services[service]?.versions[version];
if (behaviour === undefined) fail(`${file}: there is no ${service} ${version}`);
const outboundUrl = process.env["HEDDLE_OUTBOUND_URL"] ?? fail("HEDDLE_OUTBOUND_URL: not set");
const port = Number(process.env["PORT"] ?? fail("PORT: not set"));

const callers = await makeCallers(shop, behaviour, outboundUrl, localPorts());
const callAll = makeCalls(behaviour);
const stopServing = await serve(behaviour);
const stopLoads = [
  ...(service === shop.load.from
    ? [startOpenLoop(shop.load.ratePerSecond * behaviour.share, () => callAll({}))]
    : []),
  ...(await startSessions(behaviour)),
];

process.once("disconnect", stop); // whoever started us is gone
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

/** Makes the calls that are due for one request, side by side; false: one it needs has failed. */
function makeCalls({ calls }: ShopVersion) {
  const due = calls.map((call) => ({ ...call, isDue: exactShare(call.share) }));
  return async (headers: Record<string, string>): Promise<boolean> => {
    const answers = await Promise.all(
      due
        .filter(({ isDue }) => isDue())
        .map(async ({ to, isRequired }) => {
          const isGood = await callers.get(to)?.call(headers);
          return isGood === true || !isRequired;
        }),
    );
    return answers.every(Boolean);
  };
}

/** Serves what the service speaks; a protocol's library is loaded only where it is spoken. */
async function serve({ latency, errorShare }: ShopVersion): Promise<() => void> {
  const isError = exactShare(errorShare);
  const nextLatencyMs = latencySequence(latency);
  const answer = async () => {
    const isGood = !isError();
    await new Promise((resolve) => setTimeout(resolve, nextLatencyMs()));
    return isGood;
  };
  if (speaks === "grpc") return (await import("./serve-grpc.ts")).serveGrpc(port, answer);
  if (speaks === "tcp") return (await import("./serve-tcp.ts")).serveTcp(port, answer);
  const server = http.createServer(makeHandler(isError, nextLatencyMs));
  server.keepAliveTimeout = 75_000; // longer than a proxy keeps an idle connection, so that it closes first
  server.on("error", (error) => fail(`${service} ${version}: ${error.message}`));
  server.listen(port, "127.0.0.1");
  const stopSockets =
    speaks === "websocket"
      ? (await import("./serve-websocket.ts")).serveWebSocket(server, answer)
      : () => {};
  return () => {
    stopSockets();
    server.close();
    server.closeIdleConnections();
  };
}

function makeHandler(isError: () => boolean, nextLatencyMs: () => number): http.RequestListener {
  return (request, response) => {
    request.resume();
    const status = isError() ? 500 : 200;
    const latencyMs = nextLatencyMs();
    void callAll(forwardedHeaders(request.headers)).then((hasAll) => {
      setTimeout(() => answerHttp(response, hasAll ? status : 502), latencyMs);
    });
  };
}

function answerHttp(response: http.ServerResponse, status: number): void {
  const body = JSON.stringify({ service, version, status });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

async function startSessions({ sessions }: ShopVersion): Promise<(() => void)[]> {
  if (sessions.length === 0) return [];
  const { holdSession } = await import("./websocket-session.ts");
  return sessions.map(({ to, ratePerSecond, ...shape }) =>
    startOpenLoop(ratePerSecond, () => holdSession(outboundUrl, to, shape)),
  );
}

function localPorts(): ReadonlyMap<string, number> {
  const text = process.env["SHOP_LOCAL_PORTS"] ?? "";
  const entries = text.split(",").filter((entry) => entry !== "");
  return new Map(
    entries.map((entry) => {
      const [name = "", local] = entry.split("=");
      return [name, Number(local)];
    }),
  );
}

function stop(): void {
  for (const stopLoad of stopLoads) stopLoad();
  for (const caller of callers.values()) caller.close();
  stopServing();
  setTimeout(() => process.exit(0), 200).unref(); // what is still being answered gets this long
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
