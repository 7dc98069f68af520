import type { FailedBy } from "../core/traffic-recorder.ts";

/** Envoy's response flags that Heddle raises. `-`: none. */
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
  | "SI";

/** An answer a proxy makes itself; `explanation` is its plain-text body, one fact a line. */
export type Failure = {
  readonly status: number;
  readonly flag: Flag;
  readonly failedBy: FailedBy;
  readonly explanation: string;
};

/** An answer a proxy gives in its own name. `fields`: besides the body's length and the connection's. */
export type OwnAnswer = {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  readonly flag: Flag;
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
  400: "Bad Request",
  404: "Not Found",
  408: "Request Timeout",
  414: "URI Too Long",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
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
