import type { DestinationWorkload, LiveEndpoint } from "../core/mesh-view.ts";
import { type PairLabels, UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { peerOf } from "../transport/workload-peer.ts";
import type { OutboundParts } from "./outbound-parts.ts";

/** Services and hosts that metrics tell apart where no endpoint was found. */
const MAX_NAMED_HOSTS = 1_000;

/** One workload's series outwards, of requests or of opaque connections: a table by whom they reached. */
export class DestinationSeries<Table> {
  readonly #workload: OutboundParts["workload"];
  readonly #make: (labels: PairLabels) => Table;
  #byWorkload = new WeakMap<DestinationWorkload, Table>();
  readonly #byHost = new Map<string, Table>();
  #generation = -1;

  constructor(workload: OutboundParts["workload"], make: (labels: PairLabels) => Table) {
    this.#workload = workload;
    this.#make = make;
  }

  /** `fqdn`: of the service it was reached for. */
  ofEndpoint({ workload, endpoint }: LiveEndpoint, fqdn: string): Table {
    this.#renew();
    const known = this.#byWorkload.get(workload);
    if (known !== undefined) return known;
    const { service } = workload;
    const table = this.#make({
      reporter: "source",
      source: peerOf(this.#workload),
      destination: {
        workload: workload.name,
        namespace: workload.namespace,
        service: service.name,
        version: workload.version,
        principal: endpoint.identity ?? "unknown",
      },
      destinationService: fqdn,
      destinationServiceName: service.name,
      destinationServiceNamespace: service.namespace,
      security: "unknown",
    });
    this.#byWorkload.set(workload, table);
    return table;
  }

  /** Where no workload was reached: a service without one, or a host outside the mesh. */
  ofHost(
    host: string,
    service: { readonly name: string; readonly namespace: string } | undefined,
  ): Table {
    this.#renew();
    const known = this.#byHost.get(host);
    if (known !== undefined) return known;
    const isFull = this.#byHost.size >= MAX_NAMED_HOSTS;
    if (isFull && host !== "other") return this.ofHost("other", undefined);
    const table = this.#make({
      reporter: "source",
      source: peerOf(this.#workload),
      destination: UNKNOWN_PEER,
      destinationService: host,
      destinationServiceName: service?.name ?? "PassthroughCluster",
      destinationServiceNamespace: service?.namespace ?? "unknown",
      security: "unknown",
    });
    this.#byHost.set(host, table);
    return table;
  }

  /** Our own principal is a label; the first certificate brings it. */
  #renew(): void {
    const { generation } = this.#workload.identity;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#byWorkload = new WeakMap();
    this.#byHost.clear();
  }
}
