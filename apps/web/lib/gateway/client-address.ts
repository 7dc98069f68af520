import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** Holds the address a request really came from; whatever a client put there itself is overwritten. */
export const CLIENT_ADDRESS_HEADER = "x-heddle-client-address";

/**
 * Notes with each request where it came from. Next tells its routes no address but what `x-forwarded-for` says,
 * which anybody can write. `trustedProxies`: how many proxies stand before the console, each of which adds the
 * address it saw to that header.
 */
export function noteClientAddresses(trustedProxies: number): void {
  subscribe("http.server.request.start", (message) => {
    const { request } = message as { readonly request: IncomingMessage };
    const forwarded = String(request.headers["x-forwarded-for"] ?? "");
    const peer = request.socket.remoteAddress ?? "";
    request.headers[CLIENT_ADDRESS_HEADER] = clientAddress(peer, forwarded, trustedProxies);
  });
}

/** The n-th address from the right is what the outermost trusted proxy saw; fewer than n: the peer's own. */
export function clientAddress(peer: string, forwarded: string, trustedProxies: number): string {
  const seen = forwarded.split(",").map((one) => one.trim());
  const told = trustedProxies === 0 ? undefined : seen.at(-trustedProxies);
  const address = told !== undefined && isIP(told) !== 0 ? told : peer;
  return address.replace(/^::ffff:/, "");
}
