import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import { type DeadlineRegistry, deadlinesOf } from "../core/deadline-registry.ts";
import type { WorkloadSignals } from "../core/traffic-recorder.ts";
import { formatClaim } from "../transport/claimed-peer.ts";
import { DEFAULT_TIMEOUTS, type ExchangeTimeouts } from "../transport/exchange-timeouts.ts";
import { SeriesTable } from "../transport/series-table.ts";
import { peerOf } from "../transport/workload-peer.ts";
import { DestinationSeries } from "./destination-series.ts";
import { EndpointPools } from "./endpoint-pools.ts";
import { EventCounts } from "./event-counts.ts";
import { Mirrors } from "./mirror.ts";
import type { OutboundParts } from "./outbound-parts.ts";
import { OutboundTcpSide } from "./tcp-side.ts";

/** One workload's view outwards: its pools and its series, shared by all its connections. */
export class OutboundSide {
  readonly parts: OutboundParts;
  readonly timeouts: ExchangeTimeouts;
  readonly limits: Http1Limits;
  readonly origin: string;
  readonly source: string;
  /** Told to sidecars that see no certificate. */
  readonly claim: string;
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
  /** Of requests. */
  readonly series: DestinationSeries<SeriesTable>;

  constructor(parts: OutboundParts) {
    this.parts = parts;
    this.timeouts = parts.timeouts ?? DEFAULT_TIMEOUTS;
    this.limits = parts.limits ?? DEFAULT_LIMITS;
    this.source = `${parts.workload.id.namespace}/${parts.workload.id.name}`;
    this.caller = `${parts.workload.address ?? parts.workload.bindAddress} ${this.source}`;
    this.origin = `outbound-proxy; workload=${this.source}`;
    this.claim = formatClaim(peerOf(parts.workload));
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
    const { recorder, workload } = parts;
    this.series = new DestinationSeries(workload, (pair) => new SeriesTable(recorder, pair));
  }

  close(): void {
    this.pools.close();
  }
}
