/** Next calls this once, before the first request. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { noteClientAddresses } = await import("./lib/gateway/client-address.ts");
  const { gatewayConfig } = await import("./lib/gateway/config.ts");
  noteClientAddresses(gatewayConfig().trustedProxies);
}
