/** The fields of a request or a response as a filter sees them, its own changes included. */
export interface FilterHeaders {
  /** By name in any case; repeated ones joined by `,`. `undefined`: not there. */
  get(name: string): string | undefined;
  has(name: string): boolean;
  /** Every field in order, as `[name, value]`. */
  entries(): readonly (readonly [name: string, value: string])[];
}

/**
 * Fields a filter may change. What frames a message (`content-length`, `transfer-encoding`, `connection`
 * and the like), `host` and what proxies vouch for (`x-heddle-*`, `x-forwarded-client-cert`) cannot be
 * changed; trying to, or a name or value no header may have, throws a TypeError.
 */
export interface OwnHeaders extends FilterHeaders {
  /** In the place of all fields of this name. */
  set(name: string, value: string): void;
  /** Beside those that are there. */
  append(name: string, value: string): void;
  remove(name: string): void;
}

/** Who sent the request. */
export type FilterPeer = {
  /** SPIFFE id of its verified certificate; `undefined`: plaintext. */
  readonly identity: string | undefined;
  /** `namespace/name`; `undefined` as `identity`. */
  readonly workload: string | undefined;
  /** IP address of the other end of the connection. */
  readonly address: string;
};

/** Where a request goes. Inbound: the app itself. */
export type FilterDestination = {
  /** `namespace/name`, or the host outside the mesh. */
  readonly service: string;
  /** `namespace/name`; `undefined`: outside the mesh. */
  readonly workload: string | undefined;
  readonly version: string | undefined;
  readonly subset: string | undefined;
};

export interface FilterLogger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What every hook is told of a request and its answer. */
export interface FilterExchange {
  readonly direction: "inbound" | "outbound";
  /** The workload whose traffic it is: `namespace/name`. */
  readonly workload: string;
  readonly method: string;
  /** With the query. Inbound it is normalised, outbound it is what the app sent. */
  readonly path: string;
  readonly authority: string;
  readonly peer: FilterPeer;
  /** The filter's own notes on this exchange, for its later hooks. Nobody else sees them. */
  readonly notes: Map<string, unknown>;
  /** Adds to `heddle_filter_events_total{filter, event}`. `event`: lower-case letters, digits, `_`. */
  count(event: string, by?: number): void;
  readonly log: FilterLogger;
}

/** The head of a request, before it is routed (outbound) or handed to the app (inbound). */
export interface FilterRequest extends FilterExchange {
  readonly headers: OwnHeaders;
  /** Sends the request to another path of the same host; begins with `/` and may have a query. */
  setPath(path: string): void;
  /** Answers instead; neither later filters nor the app see the request. */
  respond(status: number, body?: string, headers?: Readonly<Record<string, string>>): void;
  /** Aborted when nobody waits for the hook any more: its time is up, or the caller has gone. */
  readonly signal: AbortSignal;
}

/** The head of an answer that is about to be passed on. */
export interface FilterResponse extends FilterExchange {
  readonly status: number;
  readonly headers: OwnHeaders;
  /** The rule's route that was taken; `undefined`: inbound, or outside the mesh. */
  readonly route: string | undefined;
  readonly destination: FilterDestination;
  /** Answers instead of it. */
  respond(status: number, body?: string, headers?: Readonly<Record<string, string>>): void;
}

/** What became of the exchange, whoever answered. */
export interface FilterEnd extends FilterExchange {
  /** 0: there was no answer. */
  readonly status: number;
  /** Envoy's response flags, `-` for none. */
  readonly flags: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly route: string | undefined;
  readonly destination: FilterDestination;
}
