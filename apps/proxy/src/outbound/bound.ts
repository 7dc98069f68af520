import { EXPECTED_TIMEOUT_HEADER, GRPC_TIMEOUT_HEADER } from "@heddle/mesh";

type BoundBy = "rule" | "caller" | "chain";

const WORDS: Readonly<Record<BoundBy, (ms: number) => string>> = {
  rule: (ms) => `rule's timeout of ${ms} ms`,
  caller: (ms) =>
    `${ms} ms the caller waits (${EXPECTED_TIMEOUT_HEADER}, ${GRPC_TIMEOUT_HEADER} or x-envoy-upstream-rq-timeout-ms)`,
  chain: (ms) => `${ms} ms that were left of the request this call is made for`,
};

/** When a request is over (`performance.now()`), and who says so. */
export class Bound {
  readonly atMs: number;
  readonly #by: BoundBy;
  readonly #timeoutMs: number;

  constructor(atMs: number, by: BoundBy, timeoutMs: number) {
    this.atMs = atMs;
    this.#by = by;
    this.#timeoutMs = timeoutMs;
  }

  describe(): string {
    const ms = Math.round(this.#timeoutMs);
    return `no complete answer within the ${WORDS[this.#by](ms)}`;
  }
}
