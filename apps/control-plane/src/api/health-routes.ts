import { Hono } from "hono";
import type { ApiParts } from "./parts.ts";

/** `/healthz` (alive), `/readyz` (serves proxies), `/metrics` (Prometheus); no login: loopback only by default. */
export function healthRoutes({ isReady, metrics }: ApiParts) {
  return new Hono()
    .get("/healthz", (context) => context.text("ok\n"))
    .get("/readyz", (context) => {
      if (isReady()) return context.text("ready\n");
      return context.text("waiting for the database\n", 503);
    })
    .get("/metrics", async (context) => {
      const text = await metrics.registry.metrics();
      return context.body(text, 200, { "content-type": metrics.registry.contentType });
    });
}
