import { MeshClient } from "./mesh-client.ts";
import type { ShopFile, ShopVersion } from "./shop-file.ts";

/** Calls one service in the protocol it speaks. */
export type Caller = {
  /** True when the service answered well. Never rejects. */
  call(headers: Readonly<Record<string, string>>): Promise<boolean>;
  close(): void;
};

/**
 * A caller for each service a version calls; a protocol's library is loaded only where it is spoken.
 * Throws for a TCP service without a local port: HTTP names its destination, TCP cannot.
 */
export async function makeCallers(
  shop: ShopFile,
  { calls }: ShopVersion,
  outboundUrl: string,
  localPorts: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, Caller>> {
  const http = new MeshClient(outboundUrl);
  const callers = new Map<string, Caller>();
  for (const { to } of calls) {
    const speaks = shop.services[to]?.speaks;
    if (speaks === "grpc") {
      const { QuotesClient } = await import("./quotes-client.ts");
      callers.set(to, new QuotesClient(outboundUrl, to));
    } else if (speaks === "tcp") {
      const { LedgerClient } = await import("./ledger-client.ts");
      const port = localPorts.get(to);
      if (port === undefined) throw new Error(`SHOP_LOCAL_PORTS: no port for ${to}`);
      callers.set(to, new LedgerClient(port));
    } else {
      callers.set(to, {
        call: (headers) => http.call(to, `/${to}`, headers),
        close: () => http.close(),
      });
    }
  }
  return callers;
}
