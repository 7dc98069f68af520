import http from "node:http";

const CALL_TIMEOUT_MS = 5000;

/** What an app passes on, so that the calls of one request belong to one trace. */
const FORWARDED = ["x-request-id", "traceparent", "tracestate", "b3"];

/** The part of a request's headers that goes along with the calls made for it. */
export function forwardedHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const name of FORWARDED) {
    const value = headers[name];
    if (typeof value === "string") forwarded[name] = value;
  }
  return forwarded;
}

/** Calls services by name through the outbound port of the sidecar: the `Host` header says whom. */
export class MeshClient {
  readonly #outbound: URL;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 64, scheduling: "lifo" });

  constructor(outboundUrl: string) {
    this.#outbound = new URL(outboundUrl);
  }

  /** True when the service answered below 500. Never rejects: a call that gets no answer has failed. */
  call(service: string, path: string, headers: Readonly<Record<string, string>>): Promise<boolean> {
    return new Promise((resolve) => {
      const request = http.get(
        {
          agent: this.#agent,
          host: this.#outbound.hostname,
          port: this.#outbound.port,
          path,
          headers: { ...headers, host: service },
          timeout: CALL_TIMEOUT_MS,
        },
        (response) => {
          response.resume();
          response.once("end", () => resolve((response.statusCode ?? 500) < 500));
          response.once("error", () => resolve(false));
        },
      );
      request.once("timeout", () => request.destroy());
      request.once("error", () => resolve(false));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
