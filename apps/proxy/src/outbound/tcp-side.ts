import { TcpSeriesTable } from "../transport/tcp-series-table.ts";
import { DestinationSeries } from "./destination-series.ts";
import type { EndpointPools } from "./endpoint-pools.ts";
import type { OutboundParts } from "./outbound-parts.ts";

/** What all opaque connections of a workload's listener share. */
export class OutboundTcpSide {
  readonly parts: Pick<OutboundParts, "workload" | "recorder" | "logger" | "view" | "ownPorts">;
  readonly pools: EndpointPools;
  readonly source: string;
  readonly series: DestinationSeries<TcpSeriesTable>;

  constructor(parts: OutboundTcpSide["parts"], pools: EndpointPools) {
    const { recorder, workload } = parts;
    this.parts = parts;
    this.pools = pools;
    this.source = `${workload.id.namespace}/${workload.id.name}`;
    const signals = recorder.signalsOf(workload);
    this.series = new DestinationSeries(
      workload,
      (pair) => new TcpSeriesTable(recorder, signals, pair),
    );
  }
}
