import { type BodyKind, OutBuffer } from "@heddle/http1";
import { type FormatFacts, isMirrored, shadowAuthority } from "@heddle/mesh";
import type {
  DestinationView,
  DestinationWorkload,
  LiveEndpoint,
  MirrorView,
} from "../core/mesh-view.ts";
import { processClock } from "../transport/deadline-clock.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import type { UpstreamSource, UpstreamStream, UpstreamUser } from "../transport/upstream-stream.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import { writeRequestHead } from "./request-head.ts";

/** A copy nobody answers in this time is given up. */
const TIMEOUT_MS = 15_000;
/** Copies under way at once from one listener; beyond, requests go without. */
const MAX_COPIES = 256;

/** What became of a copy. */
export type CopyOutcome = "answered" | "failed" | "dropped";

/** `to`: who got the copy; absent where nobody did. */
type CountCopy = (
  destination: DestinationView,
  outcome: CopyOutcome,
  to?: DestinationWorkload,
) => void;

/** A request as it goes to a mirror. */
export type Copy = {
  readonly method: string;
  readonly head: Buffer;
  readonly bodyKind: BodyKind;
  readonly body: Buffer | undefined;
};

/** Sends copies and forgets them: the real request neither waits for one nor hears of it. */
export class Mirrors {
  #underWay = 0;
  readonly #sourceOf: (live: LiveEndpoint, destination: DestinationView) => UpstreamSource;
  readonly #count: CountCopy;

  constructor(parts: {
    readonly sourceOf: (live: LiveEndpoint, destination: DestinationView) => UpstreamSource;
    readonly count: CountCopy;
  }) {
    this.#sourceOf = parts.sourceOf;
    this.#count = parts.count;
  }

  /** Which mirrors of the route get a copy of this request. */
  draw(mirrors: readonly MirrorView[]): readonly MirrorView[] {
    return mirrors.filter((mirror) => isMirrored(mirror, Math.random()));
  }

  /** `undefined` for `copy`: its body was more than is kept. */
  send(destination: DestinationView, copy: Copy | undefined): void {
    const live = destination.pick(Math.random(), Math.random(), Date.now());
    const isOpen = copy !== undefined && live !== undefined && this.#underWay < MAX_COPIES;
    if (!isOpen) return this.#count(destination, "dropped");
    this.#underWay++;
    live.activeRequests++;
    new CopyExchange(copy, this.#sourceOf(live, destination), (isAnswered) => {
      this.#underWay--;
      live.activeRequests--;
      this.#count(destination, isAnswered ? "answered" : "failed", live.workload);
    }).start();
  }
}

/** The head of a copy: as the real one, to the mirror's host, in a span that is not sampled. */
export function copyOf(
  request: OutboundRequest,
  mirror: MirrorView,
  trace: TraceContext,
  facts: FormatFacts,
  body: Buffer | undefined,
): Copy {
  const out = new OutBuffer(2_048);
  const { attemptCount } = request;
  request.attemptCount = 1;
  const authority = request.routeTarget?.authority ?? request.fixedHost ?? request.authority;
  const host = mirror.marksHost ? shadowAuthority(authority) : authority;
  writeRequestHead(out, request, trace, facts, { host, isSampled: false });
  request.attemptCount = attemptCount;
  const head = Buffer.from(out.bytes.subarray(0, out.length));
  return { method: request.method, head, bodyKind: request.head.body, body };
}

/** One copy on its way. */
class CopyExchange implements UpstreamUser {
  isRequestSent = false;
  readonly mayUpgrade = false;
  deadlineMs = processClock.nowMs + TIMEOUT_MS;
  watchIndex = -1;
  readonly #copy: Copy;
  readonly #source: UpstreamSource;
  readonly #onEnd: (isAnswered: boolean) => void;
  #upstream: UpstreamStream | undefined;
  #isOver = false;

  constructor(copy: Copy, source: UpstreamSource, onEnd: (isAnswered: boolean) => void) {
    this.#copy = copy;
    this.#source = source;
    this.#onEnd = onEnd;
  }

  start(): void {
    processClock.watch(this);
    const got = this.#source.acquire(this, this.#copy.method);
    if (got === "waiting") return;
    if ("refusal" in got) this.#end(false);
    else this.#send(got);
  }

  onUpstreamReady(upstream: UpstreamStream): void {
    this.#send(upstream);
  }

  #send(upstream: UpstreamStream): void {
    const { head, body, bodyKind } = this.#copy;
    this.#upstream = upstream;
    upstream.startRequest().copy(head, 0, head.length);
    upstream.endHead(bodyKind);
    if (body !== undefined) upstream.writeBody(body, 0, body.length);
    upstream.endRequest(undefined);
    this.isRequestSent = true;
    upstream.flush();
  }

  onUpstreamFault(): void {
    this.#upstream = undefined;
    this.#end(false);
  }

  onResponseCut(): void {
    this.#upstream = undefined;
    this.#end(false);
  }

  onResponseEnd(): void {
    this.#upstream = undefined;
    this.#end(true);
  }

  onTunnel(upstream: UpstreamStream): void {
    upstream.abandon();
    this.#end(false);
  }

  onDeadline(): void {
    if (this.#upstream === undefined) this.#source.cancel(this);
    else this.#upstream.abandon();
    this.#end(false);
  }

  #end(isAnswered: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    processClock.unwatch(this);
    this.#onEnd(isAnswered);
  }

  onInformational(): void {}
  onResponseHead(): void {}
  onResponseBody(): void {}
  onResponseFlush(): void {}
  onUpstreamReleased(): void {}
  onUpstreamDrain(): void {}
}
