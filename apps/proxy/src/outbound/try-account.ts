import type { FieldBlock, ResponseParser } from "@heddle/http1";
import { type Outcome, parseRetryAfterMs, type WorkloadId } from "@heddle/mesh";
import type { DestinationView, LiveEndpoint } from "../core/mesh-view.ts";
import { GRPC_STATUS_ID } from "../transport/proxy-fields.ts";
import { outcomeOfAnswer, outcomeOfTrailers } from "./try-outcome.ts";

/**
 * One try in the books of its destination: what is under way there, and what the balancer learns of the
 * endpoint. Each try is counted once and taken off once, and is learned from at most once.
 */
export class TryAccount {
  readonly #source: WorkloadId;
  #destination: DestinationView | undefined;
  #live: LiveEndpoint | undefined;
  #isUnderWay = false;
  /** A further try is under way there, or about to be. */
  #retried: DestinationView | undefined;
  #learns = false;
  /** `performance.now()` at the try's start, where the destination learns from it. */
  #startMs = 0;

  constructor(source: WorkloadId) {
    this.#source = source;
  }

  /** Whether the destination still waits to hear what became of this try. */
  get isOpen(): boolean {
    return this.#learns;
  }

  open(destination: DestinationView, live: LiveEndpoint): void {
    this.#destination = destination;
    this.#live = live;
    this.#isUnderWay = true;
    live.activeRequests++;
    destination.usage.requests++;
    this.#learns = destination.learns;
    if (destination.learns) this.#startMs = performance.now();
  }

  /** From the decision to try again until that try's end. */
  openRetry(destination: DestinationView): void {
    this.#retried = destination;
    destination.usage.retries++;
  }

  close(): void {
    if (this.#retried !== undefined) this.#retried.usage.retries--;
    this.#retried = undefined;
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    if (this.#destination !== undefined) this.#destination.usage.requests--;
    if (this.#live !== undefined) this.#live.activeRequests--;
  }

  /** Nothing more is to be learned: a limit of our own, or nothing at all, ended it. */
  settle(): void {
    this.#learns = false;
  }

  learn(outcome: Outcome | undefined, retryAfterMs = 0): void {
    if (!this.#learns || outcome === undefined) return;
    this.#learns = false;
    if (this.#destination === undefined || this.#live === undefined) return;
    const latencyMs = performance.now() - this.#startMs;
    this.#destination.onOutcome(this.#live, outcome, latencyMs, retryAfterMs, this.#source);
  }

  noteUnreachable(reason: string): void {
    if (this.#live !== undefined) {
      this.#destination?.noteUnreachable(this.#live, reason, this.#source);
    }
  }

  /** A gRPC answer says how it went at its end; any other by its status. */
  learnFromHead({ status, fields }: ResponseParser, isGrpc: boolean): void {
    const grpcStatus = fields.findById(GRPC_STATUS_ID);
    if (grpcStatus === undefined && isGrpc) return;
    const isBusy = status === 429 || status === 503;
    const retryAfter = isBusy ? fields.find("retry-after") : undefined;
    const retryAfterMs = retryAfter === undefined ? 0 : parseRetryAfterMs(retryAfter, Date.now());
    this.learn(outcomeOfAnswer(status, grpcStatus), retryAfterMs);
  }

  learnFromTrailers(status: number, trailers: FieldBlock | undefined): void {
    this.learn(outcomeOfTrailers(status, trailers));
  }
}
