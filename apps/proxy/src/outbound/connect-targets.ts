import type { X509Certificate } from "node:crypto";
import type { DestinationView, LiveEndpoint } from "../core/mesh-view.ts";
import { isFault, type PeerTrust } from "../core/peer-trust.ts";
import { MESH_TCP_ALPN } from "../core/workload-identity.ts";
import type { Connection, ConnectTarget } from "../transport/connection.ts";
import { processClock } from "../transport/deadline-clock.ts";
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
    const { clientContext: context, trust } = this.#parts.workload.identity;
    if (context === undefined) return "this workload has no certificate yet";
    const how = {
      context,
      alpn,
      servername: tls?.sni,
      check: (certificate: X509Certificate, connection: Connection) =>
        checkServer(trust, certificate, connection, expected),
    };
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
export function isBySidecar(live: LiveEndpoint, { policy }: DestinationView): boolean {
  const mode = policy.tls?.mode;
  if (mode !== undefined) return mode === "ISTIO_MUTUAL";
  return live.endpoint.identity !== undefined && !live.isPlaintext;
}

/** Istio's auto-SNI: the host the service is known by; where that is a wildcard, the one asked for. */
function serverNameOf({ fqdn, isOriginal }: DestinationView, address: string): string {
  return isOriginal || fqdn.includes("*") ? address : fqdn;
}

/**
 * A sidecar must be one the mesh believes, and whom we mean; no name expected: whomever. Its connection is held
 * to that from then on. Nothing new is sent over it once trust has changed (the identity's `generation`).
 */
function checkServer(
  trust: PeerTrust,
  certificate: X509Certificate,
  connection: Connection,
  expected: readonly string[],
): Error | undefined {
  const peer = trust.admit(certificate);
  if (isFault(peer)) return new Error(peer.message);
  const names = expected.map((one) => one.replace(/^URI:/, ""));
  if (names.length > 0 && !names.some((name) => trust.isSameIdentity(peer.uri, name))) {
    return new Error(`the server is ${peer.uri}, not ${names.join(" or ")}`);
  }
  const cut = () => connection.destroy();
  connection.onGone = trust.hold({ peer, leave: () => {}, cut });
  return undefined;
}
