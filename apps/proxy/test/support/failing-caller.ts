import net from "node:net";
import type { TestContext } from "node:test";
import { type Http1Limits } from "@heddle/http1";
import type { ExchangeTimeouts } from "../../src/transport/exchange-timeouts.ts";
import {
  endpoints,
  hosted,
  MemoryRecorder,
  outbound,
  service,
  TestMesh,
} from "../data-path-kit.ts";

export const id = { namespace: "shop", name: "reviews" };
export const routeTo = (subset: string | undefined, rest: { timeoutMs?: number } = {}) => [
  { name: "main", matches: [], destinations: [{ service: id, subset, weight: 1 }], ...rest },
];

/** An outbound proxy of `front` that knows reviews at these ports, by one route named `main`. */
export async function failingCallerOf(
  t: TestContext,
  ports: readonly number[],
  rest: { timeoutMs?: number; timeouts?: ExchangeTimeouts; limits?: Http1Limits } = {},
) {
  const mesh = new TestMesh();
  const { timeoutMs, timeouts, limits } = rest;
  mesh.apply(
    service("reviews", {
      revision: 7,
      routes: routeTo(undefined, timeoutMs === undefined ? {} : { timeoutMs }),
    }),
    endpoints(
      "reviews",
      ports.map((port) => ({ port })),
    ),
  );
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, {
    ...(timeouts && { timeouts }),
    ...(limits && { limits }),
  });
  return { mesh, recorder, proxy };
}

/** A port where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
