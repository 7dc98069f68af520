import type { EndpointObservation, ProxyMessage } from "@heddle/contracts/control-stream";
import type { EndpointStanding, WorkloadId } from "@heddle/mesh";
import type { LiveDestination } from "../core/live-destination.ts";
import type { LiveMesh } from "../core/live-mesh.ts";
import type { LiveEndpoint } from "../core/mesh-view.ts";
import type { ProtocolMemory } from "../core/protocol-memory.ts";

type Observed = Extract<ProxyMessage, { type: "observed" }>;

const INTERVAL_MS = 1_000;
/** What the message may hold. */
const MAX_OBSERVATIONS = 1_000;

/**
 * Tells the control plane what this proxy sees of the endpoints it uses and of ports without a declared
 * protocol: once a second at most, and only when it has changed.
 */
export class Observer {
  readonly #mesh: LiveMesh;
  readonly #protocols: ProtocolMemory;
  /** Who is meant where a destination does not know whose requests went there. */
  readonly #hosted: WorkloadId | undefined;
  readonly #send: (message: Observed) => boolean;
  #timer: NodeJS.Timeout | undefined;
  #lastText = NOTHING;

  constructor(parts: {
    readonly mesh: LiveMesh;
    readonly protocols: ProtocolMemory;
    readonly hosted: WorkloadId | undefined;
    /** False: there is no stream now. */
    readonly send: (message: Observed) => boolean;
  }) {
    this.#mesh = parts.mesh;
    this.#protocols = parts.protocols;
    this.#hosted = parts.hosted;
    this.#send = parts.send;
  }

  start(): void {
    this.#timer = setInterval(() => this.tell(), INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The control plane has nothing from before: a new stream. */
  forget(): void {
    this.#lastText = NOTHING;
  }

  tell(): void {
    const nowMs = Date.now();
    const endpoints = this.#mesh.destinations
      .flatMap((destination) => this.#observe(destination, nowMs))
      .slice(0, MAX_OBSERVATIONS);
    const protocols = this.#protocols.all.map((found) => ({ ...found }));
    const text = JSON.stringify([endpoints, protocols]);
    if (text === this.#lastText) return;
    if (this.#send({ type: "observed", endpoints, protocols })) this.#lastText = text;
  }

  #observe(destination: LiveDestination, nowMs: number): EndpointObservation[] {
    const seen = destination.explain(nowMs).flatMap((standing) => {
      const state = stateOf(standing) ?? unreachable(standing.target);
      return state === undefined ? [] : [{ ...state, endpointId: idOf(standing.target) }];
    });
    const overflow = destination.recentOverflow(nowMs);
    if (overflow !== undefined) {
      for (const target of destination.endpoints) {
        seen.push({ state: "open", ...overflow, endpointId: idOf(target) });
      }
    }
    if (seen.length === 0) return [];
    const { service, subset, sources } = destination;
    const callers = sources.size > 0 ? [...sources.values()] : this.#hosted ? [this.#hosted] : [];
    return callers.flatMap((source) =>
      seen.map((one) => ({ source, service, ...(subset !== undefined && { subset }), ...one })),
    );
  }
}

const NOTHING = JSON.stringify([[], []]);

type Seen = Pick<EndpointObservation, "state" | "reason" | "sinceMs" | "untilMs">;

function stateOf(standing: EndpointStanding<LiveEndpoint>): Seen | undefined {
  const { state, reason, sinceMs = 0, untilMs } = standing;
  if (state !== "ejected" && state !== "warming") return undefined;
  // A share that grows would be news every second.
  const words = state === "warming" ? "takes a growing share after its start" : reason;
  return { state, reason: words, sinceMs, ...(untilMs !== undefined && { untilMs }) };
}

function unreachable({ unreachable: since }: LiveEndpoint): Seen | undefined {
  return since && { state: "unreachable", ...since };
}

/** Of several addresses of one name, the endpoint that the control plane knows. */
function idOf({ endpoint: { id, address } }: LiveEndpoint): string {
  return id.endsWith(`@${address}`) ? id.slice(0, -address.length - 1) : id;
}
