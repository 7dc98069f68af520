import type { DestinationView, DestinationWorkload, LiveEndpoint } from "../core/mesh-view.ts";
import { UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { TcpSeriesTable } from "../transport/tcp-series-table.ts";
import { peerOf } from "../transport/workload-peer.ts";
import type { EndpointPools } from "./endpoint-pools.ts";
import type { OutboundParts } from "./outbound-parts.ts";

/** Hosts outside the mesh that metrics tell apart. */
const MAX_NAMED_HOSTS = 1_000;

/** What all opaque connections of a workload's listener share. */
export class OutboundTcpSide {
  readonly parts: Pick<OutboundParts, "workload" | "recorder" | "logger" | "view" | "ownPorts">;
  readonly pools: EndpointPools;
  readonly source: string;
  #byWorkload = new WeakMap<DestinationWorkload, TcpSeriesTable>();
  readonly #byHost = new Map<string, TcpSeriesTable>();
  #generation = -1;

  constructor(parts: OutboundTcpSide["parts"], pools: EndpointPools) {
    this.parts = parts;
    this.pools = pools;
    this.source = `${parts.workload.id.namespace}/${parts.workload.id.name}`;
  }

  seriesOfEndpoint(destination: DestinationView, live: LiveEndpoint): TcpSeriesTable {
    this.#renew();
    const { workload } = live;
    const known = this.#byWorkload.get(workload);
    if (known !== undefined) return known;
    const { service } = destination;
    const table = new TcpSeriesTable(this.parts.recorder, {
      reporter: "source",
      source: peerOf(this.parts.workload),
      destination: {
        workload: workload.name,
        namespace: workload.namespace,
        service: service.name,
        version: workload.version,
        principal: live.endpoint.identity ?? "unknown",
      },
      destinationService: destination.fqdn,
      destinationServiceName: service.name,
      destinationServiceNamespace: service.namespace,
      security: "unknown",
    });
    this.#byWorkload.set(workload, table);
    return table;
  }

  /** Where no workload was reached: a service without one, or a host outside the mesh. */
  seriesOfHost(
    host: string,
    service: { readonly name: string; readonly namespace: string } | undefined,
  ): TcpSeriesTable {
    this.#renew();
    const known = this.#byHost.get(host);
    if (known !== undefined) return known;
    const isFull = this.#byHost.size >= MAX_NAMED_HOSTS;
    if (isFull && host !== "other") return this.seriesOfHost("other", undefined);
    const table = new TcpSeriesTable(this.parts.recorder, {
      reporter: "source",
      source: peerOf(this.parts.workload),
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
    const { generation } = this.parts.workload.identity;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#byWorkload = new WeakMap();
    this.#byHost.clear();
  }
}
