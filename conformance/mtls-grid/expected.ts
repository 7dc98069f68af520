/** Who calls a workload's inbound port, and with what. */
export const CALLERS = [
  "plaintext",
  "TLS without a client certificate",
  "mTLS, the mesh's own identity",
  "mTLS, an identity of another trust domain",
  "mTLS, an expired certificate",
  "mTLS, a revoked certificate",
] as const;
export type Caller = (typeof CALLERS)[number];

export const MODES = ["DISABLE", "PERMISSIVE", "STRICT"] as const;
export type Mode = (typeof MODES)[number];

/** Where the mode is written; every level above says something else. */
export const LEVELS = ["mesh", "namespace", "workload", "port"] as const;
export type Level = (typeof LEVELS)[number];

/** What the port's app speaks. */
export const PORTS = ["http", "tcp"] as const;
export type PortKind = (typeof PORTS)[number];

/**
 * What becomes of the call. `served`: in plaintext. `mTLS`: TLS ends at the sidecar, which knows the caller.
 * `untouched`: the app gets the TLS bytes as they are. `400`: TLS bytes are no HTTP. `closed`: without a byte.
 * `refused`: in the TLS handshake.
 */
export type Outcome = "served" | "mTLS" | "untouched" | "400" | "closed" | "refused";

type ByMode = readonly [disable: Outcome, permissive: Outcome, strict: Outcome];

const HTTP_NOT_TAKEN: ByMode = ["400", "refused", "refused"];
const TCP_NOT_TAKEN: ByMode = ["untouched", "refused", "refused"];

/** By caller and port, in the order of `MODES`; the same at each level. */
export const EXPECTED: Readonly<Record<Caller, Readonly<Record<PortKind, ByMode>>>> = {
  plaintext: {
    http: ["served", "served", "closed"],
    tcp: ["served", "served", "closed"],
  },
  "TLS without a client certificate": {
    http: ["400", "closed", "refused"],
    tcp: ["untouched", "untouched", "refused"],
  },
  "mTLS, the mesh's own identity": {
    http: ["400", "mTLS", "mTLS"],
    tcp: ["untouched", "mTLS", "mTLS"],
  },
  "mTLS, an identity of another trust domain": { http: HTTP_NOT_TAKEN, tcp: TCP_NOT_TAKEN },
  "mTLS, an expired certificate": { http: HTTP_NOT_TAKEN, tcp: TCP_NOT_TAKEN },
  "mTLS, a revoked certificate": { http: HTTP_NOT_TAKEN, tcp: TCP_NOT_TAKEN },
};

/** One row of the grid. */
export type Cell = {
  readonly caller: Caller;
  readonly mode: Mode;
  readonly level: Level;
  readonly port: PortKind;
  readonly outcome: Outcome;
};

/** All rows, one mode after the other: a mode that is written elsewhere but stays the same changes nothing. */
export function cells(): Cell[] {
  return MODES.flatMap((mode, column) =>
    LEVELS.flatMap((level) =>
      CALLERS.flatMap((caller) =>
        PORTS.map((port) => {
          const outcome = EXPECTED[caller][port][column] as Outcome;
          return { caller, mode, level, port, outcome };
        }),
      ),
    ),
  );
}
