// One service of the shop: `node service.ts SHOP_FILE SERVICE VERSION`. PORT is where it serves,
// HEDDLE_OUTBOUND_URL its sidecar's outbound port. It knows nothing else of the mesh.
import http from "node:http";
import { exactShare, latencySequence } from "./exact-share.ts";
import { forwardedHeaders, MeshClient } from "./mesh-client.ts";
import { startOpenLoop } from "./open-loop.ts";
import { readShopFile, type ShopVersion } from "./shop-file.ts";

const [file, service, version] = process.argv.slice(2);
if (file === undefined || service === undefined || version === undefined) {
  fail("usage: service.ts SHOP_FILE SERVICE VERSION");
}
const shop = readShopFile(file);
const behaviour = shop.services[service]?.versions[version];
if (behaviour === undefined) fail(`${file}: there is no ${service} ${version}`);
const mesh = new MeshClient(
  process.env["HEDDLE_OUTBOUND_URL"] ?? fail("HEDDLE_OUTBOUND_URL: not set"),
);

const callAll = makeCalls(behaviour);
const server = http.createServer(makeHandler(behaviour));
server.keepAliveTimeout = 75_000; // longer than a proxy keeps an idle connection, so that it closes first
server.on("error", (error) => fail(`${service} ${version}: ${error.message}`));
server.listen(Number(process.env["PORT"] ?? fail("PORT: not set")), "127.0.0.1");
const stopLoad =
  service === shop.load.from
    ? startOpenLoop(shop.load.ratePerSecond * behaviour.share, () => callAll({}))
    : undefined;

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
        .map(async ({ to, isRequired }) => (await mesh.call(to, `/${to}`, headers)) || !isRequired),
    );
    return answers.every(Boolean);
  };
}

function makeHandler({ latency, errorShare }: ShopVersion): http.RequestListener {
  const isError = exactShare(errorShare);
  const nextLatencyMs = latencySequence(latency);
  return (request, response) => {
    request.resume();
    const status = isError() ? 500 : 200;
    const latencyMs = nextLatencyMs();
    void callAll(forwardedHeaders(request.headers)).then((hasAll) => {
      setTimeout(() => answer(response, hasAll ? status : 502), latencyMs);
    });
  };
}

function answer(response: http.ServerResponse, status: number): void {
  const body = JSON.stringify({ service, version, status });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function stop(): void {
  stopLoad?.();
  mesh.close();
  server.close();
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 200).unref(); // what is still being answered gets this long
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
