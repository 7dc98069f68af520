import type { OperationDescription } from "@heddle/contracts";
import { DescribedRoutes } from "@heddle/runtime";
import { Hono } from "hono";
import type { ApiParts } from "./parts.ts";

/** `/healthz` (alive), `/readyz` (serves proxies), `/metrics` (Prometheus); no login: loopback only by default. */
export function healthRoutes({ isReady, metrics }: ApiParts) {
  const text = (summary: string): OperationDescription => ({
    summary,
    role: "anyone",
    text: "text/plain",
  });
  return new DescribedRoutes<object, OperationDescription>(new Hono())
    .get("/healthz", text("Say whether the process lives"), (context) => context.text("ok\n"))
    .get("/readyz", text("Say whether it serves proxies"), (context) => {
      if (isReady()) return context.text("ready\n");
      return context.text("waiting for the database\n", 503);
    })
    .get("/metrics", text("Show its metrics, as Prometheus reads them"), async (context) => {
      const metricsText = await metrics.registry.metrics();
      return context.body(metricsText, 200, { "content-type": metrics.registry.contentType });
    });
}
