/**
 * Envoy's response flags in words: what happened, and what to look at first. The shorts are those of
 * `%RESPONSE_FLAGS%`; what Heddle never raises is left out.
 */
export const FLAG_WORDS: Readonly<
  Record<string, { readonly what: string; readonly next: string }>
> = {
  UH: { what: "no healthy endpoint", next: "see the endpoints below: each says why it is out" },
  UF: { what: "connection failed", next: "is the app up and listening on its port?" },
  UO: {
    what: "a limit was reached",
    next: "connectionPool of the destination rule, or more instances",
  },
  NR: { what: "no route matched", next: "the rule's match conditions" },
  NC: { what: "the rule names what does not exist", next: "the subset or service it routes to" },
  URX: { what: "retries used up", next: "what failed the tries: the other lines here" },
  UT: { what: "timed out", next: "the rule's timeout against the destination's p99" },
  UR: { what: "reset by the destination", next: "the destination's log at that time" },
  UC: {
    what: "connection broke before the answer",
    next: "crashes and keep-alive time of the app",
  },
  LR: { what: "reset here", next: "the log of the proxy that says so" },
  DC: { what: "the caller left", next: "the caller's own timeout" },
  DI: { what: "delay injected by a rule", next: "the fault rule, under Rules in force" },
  FI: { what: "failure injected by a rule", next: "the fault rule, under Rules in force" },
  RL: { what: "rate limited", next: "the rate limit named in the answer" },
  SI: { what: "nothing moved for too long", next: "streams that neither side closes" },
  DPE: { what: "the caller sent what is no valid HTTP", next: "the caller's client" },
  UPE: { what: "the answer is no valid HTTP", next: "the app, and whether the port speaks HTTP" },
  OM: { what: "shed: the proxy is overloaded", next: "its CPU and memory" },
  HFF: { what: "a filter of the proxy failed", next: "the filter named in the answer" },
  NFCF: {
    what: "a filter is missing at the proxy",
    next: "HEDDLE_FILTERS_DIR of the proxy named in the answer",
  },
  DF: { what: "name not found", next: "DNS on the proxy's host" },
};

/** `UF` → "connection failed"; several flags joined, unknown ones as they are; `-` → undefined. */
export function flagsInWords(flags: string): string | undefined {
  if (flags === "-" || flags === "") return undefined;
  return flags
    .split(",")
    .map((flag) => FLAG_WORDS[flag]?.what ?? flag)
    .join(", ");
}

/** What to look at first, of the first flag that has an advice. */
export function flagAdvice(flags: string): string | undefined {
  return flags
    .split(",")
    .map((flag) => FLAG_WORDS[flag]?.next)
    .find((next) => next !== undefined);
}

const GRPC_STATUSES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** What came back: `503`, `gRPC UNAVAILABLE`, `no answer`. */
export function answerInWords(code: number, grpcStatus: string | undefined): string {
  if (grpcStatus !== undefined && grpcStatus !== "") {
    return `gRPC ${GRPC_STATUSES[Number(grpcStatus)] ?? grpcStatus}`;
  }
  return code === 0 ? "no answer" : String(code);
}
