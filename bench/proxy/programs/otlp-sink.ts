// An OTLP/HTTP receiver in a process of its own: unpacks and decodes what the proxies push, as a collector
// must, and counts it. Answers every message of its parent with the sums so far.
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";
import { decodeMetrics, decodeTraces } from "@heddle/contracts";

let requests = 0;
let spans = 0;

function take(path: string | undefined, body: Buffer): void {
  if (path === "/v1/traces") {
    for (const resource of decodeTraces(body)) spans += resource.spans.length;
    return;
  }
  for (const { metrics } of decodeMetrics(body)) {
    for (const metric of metrics) {
      if (metric.kind !== "sum" || metric.name !== "istio_requests_total") continue;
      for (const { value } of metric.points) requests += value;
    }
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    take(request.url, request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => process.send?.("ready"));
process.on("message", () => process.send?.({ requests, spans }));
process.on("disconnect", () => process.exit(0));
