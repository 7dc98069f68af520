import type { MirrorView, RouteView } from "../core/mesh-view.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import type { ExchangeFacts } from "./exchange-facts.ts";
import { copyOf } from "./mirror.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";

/** The copies of the request under way that are still to be sent: its body has to come first. */
export class DueCopies {
  readonly #side: OutboundSide;
  readonly #request: OutboundRequest;
  readonly #trace: TraceContext;
  readonly #facts: ExchangeFacts;
  #mirrors: readonly MirrorView[] | undefined;

  constructor(
    side: OutboundSide,
    request: OutboundRequest,
    trace: TraceContext,
    facts: ExchangeFacts,
  ) {
    this.#side = side;
    this.#request = request;
    this.#trace = trace;
    this.#facts = facts;
  }

  get areDue(): boolean {
    return this.#mirrors !== undefined;
  }

  /** Draws which mirrors of the route get a copy. */
  draw(route: RouteView): void {
    const drawn = this.#side.mirrors.draw(route.mirrors);
    this.#mirrors = drawn.length > 0 ? drawn : undefined;
  }

  forget(): void {
    this.#mirrors = undefined;
  }

  /**
   * Sends them once this turn is over, for what goes to the real endpoint is being put together just now.
   * `body` is what was kept of the `bodyBytes` that came: a part of it is no copy.
   */
  send(body: Buffer, bodyBytes: number): void {
    const mirrors = this.#mirrors ?? [];
    this.#mirrors = undefined;
    const isWhole = body.length === bodyBytes;
    const kept = body.length === 0 ? undefined : Buffer.from(body);
    for (const mirror of mirrors) {
      const copy = isWhole
        ? copyOf(this.#request, mirror, this.#trace, this.#facts, kept)
        : undefined;
      setImmediate(() => this.#side.mirrors.send(mirror.destination, copy));
    }
  }
}
