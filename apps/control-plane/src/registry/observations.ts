import type { EndpointObservation, ProtocolObservation, ProxyMessage } from "@heddle/contracts";
import { formatId, type PortProtocol } from "@heddle/mesh";

type Observed = Extract<ProxyMessage, { type: "observed" }>;

/** What one proxy says of an endpoint it does not use, or not fully. */
export type ProxyObservation = EndpointObservation & { readonly proxyId: string };

const MAX_TEXT_LENGTH = 300;

/**
 * What the proxies see of the endpoints they use. Held in memory while their streams live: it is of the
 * moment, and each proxy tells it anew when it comes back.
 */
export class Observations {
  readonly #byProxy = new Map<string, Pick<Observed, "endpoints" | "protocols">>();

  /**
   * Takes what a proxy sees now in place of what it saw before; `false`: that is the same. It may speak for
   * `hosted` workloads only.
   */
  replace(proxyId: string, hosted: ReadonlySet<string>, observed: Observed): boolean {
    const endpoints = observed.endpoints
      .filter(({ source }) => hosted.has(formatId(source)))
      .map((one) => ({
        ...one,
        endpointId: one.endpointId.slice(0, MAX_TEXT_LENGTH),
        reason: one.reason.slice(0, MAX_TEXT_LENGTH),
      }));
    if (endpoints.length + observed.protocols.length === 0) return this.#byProxy.delete(proxyId);
    const seen = { endpoints, protocols: observed.protocols };
    const isSame = JSON.stringify(this.#byProxy.get(proxyId)) === JSON.stringify(seen);
    this.#byProxy.set(proxyId, seen);
    return !isSame;
  }

  /** The proxy's stream has ended. Returns whether anything was known of it. */
  forget(proxyId: string): boolean {
    return this.#byProxy.delete(proxyId);
  }

  ofService(serviceKey: string): ProxyObservation[] {
    return this.all().filter(({ service }) => formatId(service) === serviceKey);
  }

  all(): ProxyObservation[] {
    return [...this.#byProxy].flatMap(([proxyId, { endpoints }]) =>
      endpoints.map((one) => ({ ...one, proxyId })),
    );
  }

  /** What was found out about ports without a declared protocol: service `namespace/name` → port → protocol. */
  protocols(): Map<string, Map<number, PortProtocol>> {
    const found = new Map<string, Map<number, PortProtocol>>();
    for (const { protocols } of this.#byProxy.values()) {
      for (const { service, port, protocol } of protocols) {
        portsOf(found, service).set(port, protocol);
      }
    }
    return found;
  }
}

function portsOf(
  found: Map<string, Map<number, PortProtocol>>,
  service: ProtocolObservation["service"],
): Map<number, PortProtocol> {
  const key = formatId(service);
  const ports = found.get(key) ?? new Map<number, PortProtocol>();
  found.set(key, ports);
  return ports;
}
