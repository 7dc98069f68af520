import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import { type DeadlineRegistry, deadlinesOf } from "../core/deadline-registry.ts";
import type { DestinationWorkload, LiveEndpoint } from "../core/mesh-view.ts";
import { UNKNOWN_PEER, type WorkloadSignals } from "../core/traffic-recorder.ts";
import { DEFAULT_TIMEOUTS, type ExchangeTimeouts } from "../transport/http-exchange.ts";
import { SeriesTable } from "../transport/series-table.ts";
import { peerOf } from "../transport/workload-peer.ts";
import { EndpointPools } from "./endpoint-pools.ts";
import { EventCounts } from "./event-counts.ts";
import { Mirrors } from "./mirror.ts";
import type { OutboundParts } from "./outbound-parts.ts";
import { OutboundTcpSide } from "./tcp-side.ts";

/** Services and hosts that metrics tell apart where no endpoint was found. */
const MAX_NAMED_HOSTS = 1_000;

/** One workload's view outwards: its pools and its series, shared by all its connections. */
export class OutboundSide {
  readonly parts: OutboundParts;
  readonly timeouts: ExchangeTimeouts;
  readonly limits: Http1Limits;
  readonly origin: string;
  readonly source: string;
  /** The source with its address: what `useSourceIp` hashes. */
  readonly caller: string;
  readonly signals: WorkloadSignals;
  readonly decideSampling: () => boolean;
  readonly pools: EndpointPools;
  readonly mirrors: Mirrors;
  readonly counts: EventCounts;
  /** Until when somebody waits for the requests the app is working on. */
  readonly deadlines: DeadlineRegistry;
  /** For connections that are no HTTP. */
  readonly tcp: OutboundTcpSide;
  #seriesByWorkload = new WeakMap<DestinationWorkload, SeriesTable>();
  readonly #seriesByHost = new Map<string, SeriesTable>();
  #generation = -1;

  constructor(parts: OutboundParts) {
    this.parts = parts;
    this.timeouts = parts.timeouts ?? DEFAULT_TIMEOUTS;
    this.limits = parts.limits ?? DEFAULT_LIMITS;
    this.source = `${parts.workload.id.namespace}/${parts.workload.id.name}`;
    this.caller = `${parts.workload.address ?? parts.workload.bindAddress} ${this.source}`;
    this.origin = `outbound-proxy; workload=${this.source}`;
    this.signals = parts.recorder.signalsOf(parts.workload);
    this.decideSampling = () => this.signals.isSampled();
    this.pools = new EndpointPools(parts, this.limits, this.source);
    this.tcp = new OutboundTcpSide(parts, this.pools);
    this.counts = new EventCounts(this);
    this.mirrors = new Mirrors({
      sourceOf: (live, destination) =>
        this.pools.ofEndpoint(live, destination, { isGrpc: false }, false),
      count: ({ service }, outcome, to) =>
        this.counts.add("heddle_mirrored_requests_total", service, outcome, to),
    });
    this.deadlines = deadlinesOf(parts.workload);
  }

  seriesOfWorkload({ workload: destination, endpoint }: LiveEndpoint, fqdn: string): SeriesTable {
    const { generation } = this.parts.workload.identity;
    if (generation !== this.#generation) {
      // Our own principal is a label; the first certificate brings it.
      this.#generation = generation;
      this.#seriesByWorkload = new WeakMap();
      this.#seriesByHost.clear();
    }
    const known = this.#seriesByWorkload.get(destination);
    if (known !== undefined) return known;
    const { service } = destination;
    const table = new SeriesTable(this.parts.recorder, {
      reporter: "source",
      source: peerOf(this.parts.workload),
      destination: {
        workload: destination.name,
        namespace: destination.namespace,
        service: service.name,
        version: destination.version,
        principal: endpoint.identity ?? "unknown",
      },
      destinationService: fqdn,
      destinationServiceName: service.name,
      destinationServiceNamespace: service.namespace,
      security: "unknown",
    });
    this.#seriesByWorkload.set(destination, table);
    return table;
  }

  /** Where no workload was reached: a service without one, or a host outside the mesh. */
  seriesOfHost(
    host: string,
    service: { name: string; namespace: string } | undefined,
  ): SeriesTable {
    const known = this.#seriesByHost.get(host);
    if (known !== undefined) return known;
    const isFull = this.#seriesByHost.size >= MAX_NAMED_HOSTS;
    if (isFull && host !== "other") return this.seriesOfHost("other", undefined);
    const table = new SeriesTable(this.parts.recorder, {
      reporter: "source",
      source: peerOf(this.parts.workload),
      destination: UNKNOWN_PEER,
      destinationService: host,
      destinationServiceName: service?.name ?? "PassthroughCluster",
      destinationServiceNamespace: service?.namespace ?? "unknown",
      security: "unknown",
    });
    this.#seriesByHost.set(host, table);
    return table;
  }

  close(): void {
    this.pools.close();
  }
}
