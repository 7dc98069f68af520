import type { StartInbound } from "../core/listener.ts";
import type { ExchangeTimeouts } from "../transport/exchange-timeouts.ts";

/** What an inbound side is made of. */
export type InboundParts = Omit<Parameters<StartInbound>[0], "port"> & {
  readonly timeouts?: ExchangeTimeouts;
};
