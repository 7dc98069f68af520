import type { StartOutbound } from "../core/listener.ts";
import type { ExchangeTimeouts } from "../transport/exchange-timeouts.ts";

/** What an outbound side is made of. */
export type OutboundParts = Omit<Parameters<StartOutbound>[0], "port" | "host"> & {
  readonly timeouts?: ExchangeTimeouts;
};
