// The apps of a chain of services, in one process. CHAIN is a list of links in JSON, first to last: each
// listens on `port`, and all but the last ask the next through their sidecar's `outboundPort` and pass its
// answer's status on.
import { Agent, createServer, request as httpRequest, type ServerResponse } from "node:http";

type Link = { readonly port: number; readonly outboundPort?: number; readonly next?: string };

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

function askNext(outboundPort: number, host: string, response: ServerResponse): void {
  const asked = httpRequest(
    { agent, host: "127.0.0.1", port: outboundPort, path: "/chain", headers: { host } },
    (answer) => {
      answer.resume();
      const {
        "x-heddle-origin": origin,
        "x-heddle-flags": flags,
        "x-seen": deeper,
      } = answer.headers;
      const seen = [origin, flags, deeper].flat().join(" ").trim();
      response.writeHead(answer.statusCode ?? 502, seen === "" ? {} : { "x-seen": seen });
      answer.on("end", () => response.end());
      answer.on("error", () => response.destroy());
    },
  );
  asked.on("error", () => response.writeHead(502, { "x-seen": "no answer of its sidecar" }).end());
  asked.end();
}

for (const { port, outboundPort, next } of JSON.parse(process.env["CHAIN"] ?? "[]") as Link[]) {
  createServer((request, response) => {
    request.resume();
    if (outboundPort === undefined || next === undefined) response.end("end of the chain\n");
    else askNext(outboundPort, next, response);
  }).listen(port, "127.0.0.1");
}
