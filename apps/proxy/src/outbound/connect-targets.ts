import type { DestinationView, LiveEndpoint } from "../core/mesh-view.ts";
import { MESH_TCP_ALPN } from "../core/workload-identity.ts";
import type { ConnectTarget } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
import { checkIdentity } from "./check-identity.ts";
import { ClientTlsContext } from "./client-tls.ts";
import type { OutboundParts } from "./outbound-parts.ts";

const TCP_ONLY = [MESH_TCP_ALPN] as const;
const NO_PROTOCOLS: readonly string[] = [];

/** How to connect to endpoints: as the rule says, else mTLS where there is an identity. */
export class ConnectTargets {
  readonly #parts: Pick<OutboundParts, "workload">;
  readonly #contexts = new Map<string, ClientTlsContext>();

  constructor(parts: Pick<OutboundParts, "workload">) {
    this.#parts = parts;
  }

  /** With a certificate of the mesh, and the peer's checked; a text says why that cannot be done now. */
  ofSidecar(
    { endpoint, port }: LiveEndpoint,
    { policy }: DestinationView,
    alpn: readonly string[],
  ): ConnectTarget | string {
    const { address: host, identity } = endpoint;
    const { connectionPool, tls } = policy;
    const names = tls?.subjectAltNames ?? [];
    const expected = names.length > 0 ? names : identity === undefined ? [] : [identity];
    const context = this.#parts.workload.identity.clientContext;
    if (context === undefined) return "this workload has no certificate yet";
    const check = (shown: string) => checkAny(shown, expected);
    const how = { context, alpn, check, servername: tls?.sni };
    return { host, port, tls: how, keepAliveMs: connectionPool?.tcpKeepaliveMs };
  }

  /** TLS of the rule's own, or plaintext; `alpn`: instead of HTTP/1.1's. */
  ofForeign(
    live: LiveEndpoint,
    destination: DestinationView,
    alpn: readonly string[] | undefined,
  ): ConnectTarget | string {
    const { port, endpoint } = live;
    const host = endpoint.address;
    const keepAliveMs = destination.policy.connectionPool?.tcpKeepaliveMs;
    const context = this.contextOf(destination);
    if (context === undefined) return { host, port, keepAliveMs };
    const how = context.target(serverNameOf(destination, host), processClock.nowMs);
    if (typeof how === "string") return how;
    return { host, port, tls: alpn ? { ...how, alpn } : how, keepAliveMs };
  }

  /** For an opaque connection of its own. */
  ofTcp(live: LiveEndpoint, destination: DestinationView): ConnectTarget | string {
    if (isBySidecar(live, destination)) return this.ofSidecar(live, destination, TCP_ONLY);
    return this.ofForeign(live, destination, NO_PROTOCOLS);
  }

  /** What a rule's SIMPLE or MUTUAL is done with; `undefined`: no rule asks for TLS of that kind. */
  contextOf({ policy: { tls } }: DestinationView): ClientTlsContext | undefined {
    if (tls === undefined || tls.mode === "DISABLE") return undefined;
    const key = JSON.stringify(tls);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const made = new ClientTlsContext(tls);
    this.#contexts.set(key, made);
    return made;
  }
}

/** Whether a sidecar is to be met there. */
export function isBySidecar({ endpoint }: LiveEndpoint, { policy }: DestinationView): boolean {
  const mode = policy.tls?.mode;
  return mode === undefined ? endpoint.identity !== undefined : mode === "ISTIO_MUTUAL";
}

/** Istio's auto-SNI: the host the service is known by; where that is a wildcard, the one asked for. */
function serverNameOf({ fqdn, isOriginal }: DestinationView, address: string): string {
  return isOriginal || fqdn.includes("*") ? address : fqdn;
}

/** No name expected: whoever the mesh's root has signed. */
function checkAny(shown: string, expected: readonly string[]): Error | undefined {
  if (expected.length === 0) return undefined;
  const errors = expected.map((one) => checkIdentity(shown, one.replace(/^URI:/, "")));
  return errors.some((error) => error === undefined) ? undefined : errors[0];
}
