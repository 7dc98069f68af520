import { gatewayConfig } from "../../../lib/gateway/config.ts";

export const dynamic = "force-dynamic";

/** 200 once the console can serve; its own health only, not that of the servers behind it. */
export function GET(): Response {
  gatewayConfig();
  return new Response("ok\n", { headers: { "cache-control": "no-store" } });
}
