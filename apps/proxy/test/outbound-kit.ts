import type http from "node:http";
import type { TestContext } from "node:test";
import type { ServiceResource } from "@heddle/contracts";
import type { RetryPolicy, Route } from "@heddle/mesh";
import {
  app,
  endpoints,
  hosted,
  MemoryRecorder,
  outbound,
  service,
  type TestEndpoint,
  TestMesh,
  type TestWorkload,
} from "./data-path-kit.ts";

/** The service under test; its callers are of the workload `front`. */
export const REVIEWS = { namespace: "shop", name: "reviews" };

/** A route named `main` to all of reviews, with what is given. */
export function route(rest: Partial<Route> = {}): Route {
  return {
    name: "main",
    matches: [],
    destinations: [{ service: REVIEWS, weight: 1 }],
    ...rest,
  };
}

/** Retries on these conditions, without Heddle's guard, after pauses of at most 10 ms. */
export function retries(rest: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    attempts: 2,
    conditions: ["5xx"],
    statusCodes: [],
    backoffBaseMs: 1,
    avoidsPrevious: true,
    leavesLocality: false,
    idempotentOnly: false,
    ...rest,
  };
}

export type Caller = {
  readonly mesh: TestMesh;
  readonly recorder: MemoryRecorder;
  readonly front: TestWorkload;
  readonly proxy: { readonly port: number };
};

/** An outbound proxy of `front` that knows reviews with these rules at these endpoints. */
export async function callerOf(
  t: TestContext,
  list: readonly (number | TestEndpoint)[],
  rules: Partial<ServiceResource> = {},
): Promise<Caller> {
  const mesh = new TestMesh();
  t.after(() => mesh.live.close());
  mesh.apply(
    service("reviews", { revision: 7, ...rules }),
    endpoints(
      "reviews",
      list.map((one) => (typeof one === "number" ? { port: one } : one)),
    ),
  );
  const recorder = new MemoryRecorder();
  const front = await hosted("front");
  const proxy = await outbound(t, front, mesh, recorder);
  return { mesh, recorder, front, proxy };
}

export type CountingApp = {
  readonly port: number;
  readonly seen: {
    readonly method: string;
    readonly url: string;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  }[];
};

/** An app that keeps what it is sent and answers by `answer`, 200 if that says nothing. */
export async function countingApp(
  t: TestContext,
  answer: (
    response: http.ServerResponse,
    count: number,
    request: http.IncomingMessage,
  ) => void = () => {},
): Promise<CountingApp> {
  const seen: CountingApp["seen"] = [];
  const { port } = await app(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      answer(response, seen.length, request);
      if (!response.writableEnded && !response.headersSent && !isHeld.has(response)) {
        response.end("ok");
      }
    });
  });
  return { port, seen };
}

const isHeld = new WeakSet<http.ServerResponse>();

/** Leaves a request without an answer. */
export function hold(response: http.ServerResponse): void {
  isHeld.add(response);
}

/** Counts of one of Heddle's own counters, by outcome. */
export function eventsOf(recorder: MemoryRecorder, name: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [key, count] of recorder.events) {
    if (!key.startsWith(`${name} `)) continue;
    const labels: { outcome?: string } = JSON.parse(key.slice(name.length + 1));
    counts[labels.outcome ?? ""] = count;
  }
  return counts;
}
