import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { requestBytes } from "../../../packages/http1/test/arbitrary-messages.ts";
import { endToEnd } from "../../../packages/http1/test/end-to-end.ts";
import { fuzzSettings } from "../../../packages/http1/test/fuzz-settings.ts";
import { readMessages } from "../../../packages/http1/test/read-messages.ts";
import {
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  service,
  TestMesh,
} from "./data-path-kit.ts";

const DEADLINE_MS = 5_000;

type Seen = {
  readonly method: string;
  readonly fields: [string, string][];
  readonly body: string;
  readonly trailers: [string, string][];
};

/** An app on Node's own parser that keeps every whole request, and every fault it finds in what it is sent. */
async function strictApp(t: TestContext) {
  const seen: Seen[] = [];
  const faults: string[] = [];
  const keep = (request: http.IncomingMessage, response: http.ServerResponse) => {
    let body = "";
    request.setEncoding("latin1");
    request.on("data", (text: string) => {
      body += text;
    });
    request.on("error", () => {});
    request.on("end", () => {
      const { method = "", rawHeaders, rawTrailers } = request;
      seen.push({ method, fields: pairs(rawHeaders), body, trailers: pairs(rawTrailers) });
      response.writeHead(200, { "content-length": 0 }).end();
    });
  };
  const server = http.createServer({ maxHeaderSize: 131_072, keepAliveTimeout: 60_000 });
  for (const event of ["request", "checkContinue", "checkExpectation"]) server.on(event, keep);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // A request that was given up in the middle is no fault of its bytes.
    if (error.code?.startsWith("HPE_") && error.code !== "HPE_INVALID_EOF_STATE") {
      faults.push(`${error.code}: ${error.message}`);
    }
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, seen, faults };
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [
    raw[2 * i] as string,
    raw[2 * i + 1] as string,
  ]);
}

/** One sidecar in front of the app, or two with mutual TLS between them; every request goes to the app. */
async function wayTo(t: TestContext, appPort: number, isPair: boolean): Promise<number> {
  const mesh = new TestMesh();
  let endpoint: { port: number; identity?: string } = { port: appPort };
  if (isPair) {
    const reviews = await hosted("reviews", { appPort });
    const app = { port: appPort, protocol: "http" } as const;
    const listener = await inbound(t, reviews, new MemoryRecorder(), undefined, { app });
    const names = { namespace: "shop", workload: "reviews", service: "reviews" };
    endpoint = { port: listener.port, identity: (await authority()).spiffeId(names) };
  }
  // Declared as HTTP: of a port whose protocol is found out, bytes that are no HTTP pass as they are.
  const ports = [{ number: 80, protocol: "http" } as const];
  mesh.apply(service("reviews", { ports }), endpoints("reviews", [endpoint]));
  const host = "reviews:80";
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder(), { host });
  return proxy.port;
}

/** Waits for so many final answers, or for the end of the connection. */
async function answered(client: RawClient, count: number, text: string): Promise<void> {
  const isDone = () =>
    client.isClosed || (client.received.match(/^HTTP\/1\.1 [2-5]\d\d/gm)?.length ?? 0) >= count;
  await new Promise<void>((resolve, reject) => {
    const late = () => reject(new Error(`no answers to ${JSON.stringify(text)}`));
    const timer = setTimeout(late, DEADLINE_MS);
    const check = () => {
      if (!isDone()) return;
      clearTimeout(timer);
      resolve();
    };
    client.socket.on("data", check).on("close", check);
    check();
  });
}

for (const isPair of [false, true]) {
  const way = isPair ? "two sidecars" : "one sidecar";
  test(`behind ${way} the app sees the very requests that were sent, and never a broken one`, async (t) => {
    const reviews = await strictApp(t);
    const port = await wayTo(t, reviews.port, isPair);
    await fc.assert(
      fc.asyncProperty(requestBytes, async (bytes) => {
        const text = bytes.toString("latin1");
        // A tunnel or TLS is not read, and a path with a NUL is refused by routing, not by the codec.
        fc.pre(bytes[0] !== 0x16 && !/CONNECT |%00/.test(text));
        const { messages, fault } = readMessages("request", [bytes], { ignoresUpgrade: true });
        const whole = messages.filter((message) => message.isComplete);
        const isRefused = fault !== undefined && fault !== "CONNECTION";
        reviews.seen.length = 0;
        reviews.faults.length = 0;
        const client = new RawClient(t, port);
        client.send(text);
        await answered(client, whole.length + (isRefused ? 1 : 0), text);
        client.socket.destroy();
        assert.deepEqual(reviews.faults, [], JSON.stringify(text));
        assert.deepEqual(
          reviews.seen.map(({ method, body, trailers }) => ({ method, body, trailers })),
          whole.map((message) => {
            const { body, trailers } = endToEnd(message);
            return { method: message.startLine.split(" ")[0], body, trailers };
          }),
          JSON.stringify(text),
        );
        for (const [index, message] of whole.entries()) {
          const { fields } = endToEnd(message);
          const sent = new Set(fields.map(([name]) => name.toLowerCase()));
          const arrived = reviews.seen[index]?.fields.filter(([name]) =>
            sent.has(name.toLowerCase()),
          );
          assert.deepEqual(arrived, fields, JSON.stringify(text));
        }
      }),
      fuzzSettings(isPair ? 150 : 250),
    );
  });
}
