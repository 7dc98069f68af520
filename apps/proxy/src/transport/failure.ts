import type { FailedBy } from "../core/traffic-recorder.ts";

/** Envoy's response flags that Heddle raises, and one of its own, HFF: a filter has failed. `-`: none. */
export type Flag =
  | "-"
  | "NR"
  | "NC"
  | "UH"
  | "UF"
  | "UO"
  | "UC"
  | "UR"
  | "UT"
  | "UPE"
  | "DPE"
  | "DC"
  | "SI"
  | "URX"
  | "DI"
  | "FI"
  | "RL"
  | "OM"
  | "NFCF"
  | "UAEX"
  | "HFF"
  | "DF";
/** One flag, or several joined by commas. */
export type Flags = Flag | `${Flag},${string}`;

/** Adds flags to those there are, each once. */
export function joinFlags(flags: Flags, more: Flags): Flags {
  if (flags === "-" || more === "-") return flags === "-" ? more : flags;
  return [...new Set(`${flags},${more}`.split(","))].join() as Flags;
}

/** An answer a proxy makes itself; `explanation` is its plain-text body, one fact a line. */
export type Failure = {
  readonly status: number;
  readonly flag: Flags;
  readonly failedBy: FailedBy;
  readonly explanation: string;
  /** Beside those that say who failed. */
  readonly fields?: readonly (readonly [name: string, value: string])[] | undefined;
};

/** An answer a proxy gives in its own name. `fields`: besides the body's length and the connection's. */
export type OwnAnswer = {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  /** Of an answer to a gRPC call, among its fields. */
  readonly grpcStatus?: string;
  readonly flag: Flags;
  readonly failedBy: FailedBy;
};

/** Why an exchange with an upstream ended before a whole response had come. */
export type UpstreamFault =
  | { readonly kind: "connect"; readonly reason: string }
  | { readonly kind: "overflow"; readonly reason: string }
  /** `isStale`: the connection had served before, and closed without a byte of this response. */
  | { readonly kind: "closed"; readonly reason: string; readonly isStale: boolean }
  /** The peer gave up this stream alone. `isRefused`: it says that it has done nothing with the request. */
  | { readonly kind: "reset"; readonly reason: string; readonly isRefused: boolean }
  /** The attempt took longer than it may; others may follow. */
  | { readonly kind: "try-timeout"; readonly reason: string }
  | { readonly kind: "protocol"; readonly reason: string };

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  408: "Request Timeout",
  414: "URI Too Long",
  418: "I'm a Teapot",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

export function reasonOf(status: number): string {
  return REASONS[status] ?? "Unknown";
}

/** How a fault reads in an answer's status and flag (Envoy's %RESPONSE_FLAGS%). */
export function flagOf(fault: UpstreamFault): { status: number; flag: Flag } {
  switch (fault.kind) {
    case "connect":
      return { status: 503, flag: "UF" };
    case "overflow":
      return { status: 503, flag: "UO" };
    case "closed":
      return { status: 503, flag: "UC" };
    case "reset":
      return { status: 503, flag: "UR" };
    case "try-timeout":
      return { status: 504, flag: "UT" };
    default:
      return { status: 502, flag: "UPE" };
  }
}
