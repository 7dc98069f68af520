import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { decodeMetrics, decodeTraces, type ResourceMetrics, type Span } from "@heddle/contracts";
import type { Scope } from "./scope.ts";

/** An OTLP/HTTP receiver that keeps what it takes, and can be told to refuse or to be gone. */
export class OtlpSink {
  readonly windows: ResourceMetrics[] = [];
  readonly spans: Span[] = [];
  /** Every push of metrics, taken or not. */
  pushes = 0;
  /** What is answered: 200 takes it. */
  status = 200;
  /** Takes the next push of metrics but breaks the connection instead of answering. */
  losesNextAnswer = false;
  port = 0;
  #server: Server | undefined;

  static async start(t: Scope): Promise<OtlpSink> {
    const sink = new OtlpSink();
    await sink.listen();
    t.after(() => sink.stop());
    return sink;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.port}`);
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = gunzipSync(Buffer.concat(chunks));
        if (this.#take(request.url ?? "", body)) response.writeHead(this.status).end();
        else request.socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** The sum of a counter over windows, each window counted once as the collector does. */
  total(name: string): number {
    let total = 0;
    let lastEnd = 0n;
    for (const { metrics } of this.windows) {
      const points = metrics.flatMap((metric) =>
        metric.kind === "sum" && metric.name === name ? metric.points : [],
      );
      const end = points[0]?.timeUnixNano ?? 0n;
      if (end <= lastEnd) continue;
      lastEnd = end;
      total += points.reduce((sum, point) => sum + point.value, 0);
    }
    return total;
  }

  /** False: the answer is to get lost. */
  #take(path: string, body: Buffer): boolean {
    if (path === "/v1/traces") {
      if (this.status === 200) {
        this.spans.push(...decodeTraces(body).flatMap((resource) => resource.spans));
      }
      return true;
    }
    this.pushes += 1;
    if (this.status === 200) this.windows.push(...decodeMetrics(body));
    if (!this.losesNextAnswer) return true;
    this.losesNextAnswer = false;
    return false;
  }
}
