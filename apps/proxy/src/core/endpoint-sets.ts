import { isIP } from "node:net";
import type { EndpointsResource, ServiceResource } from "@heddle/contracts/control-stream";
import { type Endpoint, formatId } from "@heddle/mesh";
import type { DnsAnswers } from "./dns-answers.ts";

const PARTING_GRACE_MS = 60_000;

/** An endpoint with its content as text: while that stays the same, nothing has changed about it. */
export type KeyedEndpoint = { readonly key: string; readonly endpoint: Endpoint };

type Resolution = ServiceResource["resolution"];

/** The addresses of every service, as the control plane last said and, where it says names, DNS. */
export class EndpointSets {
  readonly #dns: DnsAnswers;
  readonly #told = new Map<string, readonly KeyedEndpoint[]>();
  readonly #resolutions = new Map<string, { resolution: Resolution; host: string; port: number }>();
  /** Services whose last endpoints are gone and still tried; until when, in epoch ms. */
  readonly #partingUntilMs = new Map<string, number>();

  constructor(dns: DnsAnswers) {
    this.#dns = dns;
  }

  has(service: string): boolean {
    return this.#told.has(service);
  }

  /** How the service's addresses are found. */
  setService(resource: ServiceResource): void {
    const { service, resolution, host = "", ports } = resource;
    const port = ports?.[0]?.number ?? 80;
    this.#resolutions.set(formatId(service), { resolution, host, port });
  }

  removeService(service: string): void {
    this.#resolutions.delete(service);
  }

  set(resource: EndpointsResource, nowMs: number): void {
    const key = formatId(resource.service);
    if (resource.endpoints.length === 0 && this.#keepsParting(key, nowMs)) return;
    this.#partingUntilMs.delete(key);
    this.#told.set(
      key,
      resource.endpoints.map((wire) => keyed({ ...wire, identity: wire.identity })),
    );
  }

  remove(service: string): void {
    this.#told.delete(service);
    this.#partingUntilMs.delete(service);
  }

  /** Gives up what was kept after the control plane had taken it away; the services concerned. */
  dropParted(nowMs: number): string[] {
    const dropped = [...this.#partingUntilMs]
      .filter(([, untilMs]) => nowMs >= untilMs)
      .map(([key]) => key);
    for (const key of dropped) {
      this.#partingUntilMs.delete(key);
      this.#told.set(key, []);
    }
    return dropped;
  }

  /** The endpoints of a service; names stand for themselves until DNS has answered. */
  of(service: string): readonly KeyedEndpoint[] {
    const told = this.#told.get(service) ?? [];
    const how = this.#resolutions.get(service);
    if (how?.resolution !== "dns" && how?.resolution !== "dns-one") return told;
    const named = told.length > 0 || how.host === "" ? told : [itself(how.host, how.port)];
    const isOne = how.resolution === "dns-one";
    return named.flatMap((one) => this.#answersOf(one, isOne));
  }

  #answersOf(one: KeyedEndpoint, isOne: boolean): KeyedEndpoint[] {
    const { endpoint } = one;
    if (isIP(endpoint.address) !== 0) return [one];
    const addresses = this.#dns.addressesOf(endpoint.address);
    if (addresses === undefined || addresses.length === 0) return [one];
    return (isOne ? addresses.slice(0, 1) : addresses).map((address) =>
      keyed({ ...endpoint, id: `${endpoint.id}@${address}`, address }),
    );
  }

  /** Every name that DNS has to be asked for. */
  get names(): Set<string> {
    const names = new Set<string>();
    for (const [service, { resolution, host }] of this.#resolutions) {
      if (resolution !== "dns" && resolution !== "dns-one") continue;
      const told = this.#told.get(service) ?? [];
      if (told.length === 0 && host !== "") names.add(host);
      for (const { endpoint } of told) {
        if (isIP(endpoint.address) === 0) names.add(endpoint.address);
      }
    }
    return names;
  }

  /**
   * A service never loses its last endpoints at once: its proxies may only have lost the control
   * plane. Those that prove their identity are tried for a while longer; if they are gone, the request
   * fails as it would have failed without them (decision 18).
   */
  #keepsParting(key: string, nowMs: number): boolean {
    if (this.#partingUntilMs.has(key)) return true;
    const proven = this.#told.get(key)?.filter(({ endpoint }) => endpoint.identity !== undefined);
    if (!proven || proven.length === 0) return false;
    this.#told.set(key, proven);
    this.#partingUntilMs.set(key, nowMs + PARTING_GRACE_MS);
    return true;
  }
}

/** A service found by DNS for which no endpoint is written down: its host is the name. */
function itself(host: string, port: number): KeyedEndpoint {
  return keyed({
    id: host,
    workload: host,
    namespace: "unknown",
    labels: {},
    address: host,
    port,
    identity: undefined,
  });
}

function keyed(endpoint: Endpoint): KeyedEndpoint {
  const labels = Object.entries(endpoint.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const { id, namespace, workload, address, port, ports, identity } = endpoint;
  const { locality, weight, servesSinceMs, plaintextPorts } = endpoint;
  const key = JSON.stringify([
    ...[id, namespace, workload, address, port, ports, identity, labels],
    ...[locality, weight, servesSinceMs, plaintextPorts],
  ]);
  return { key, endpoint };
}
