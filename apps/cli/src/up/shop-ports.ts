import type { ShopFile, ShopWorkload } from "@heddle/example-shop";

/** What the workload's port speaks as the mesh declares it: a WebSocket begins as HTTP. */
export function portProtocol({ speaks }: ShopWorkload) {
  return speaks === "websocket" ? "http" : speaks;
}

/** Services a workload needs a local port for: HTTP and gRPC name their destination, TCP cannot. */
export function tcpDestinations(shop: ShopFile, { behaviour }: ShopWorkload): string[] {
  return behaviour.calls.map(({ to }) => to).filter((to) => shop.services[to]?.speaks === "tcp");
}
