import { TcpSeriesTable } from "../transport/tcp-series-table.ts";
import type { AppPools } from "./app-pools.ts";
import { CallerSeries } from "./caller-series.ts";
import type { InboundParts } from "./inbound-parts.ts";

/** What all opaque connections to a workload's app port share. */
export class InboundTcpSide {
  readonly parts: Pick<InboundParts, "workload" | "recorder" | "logger">;
  readonly name: string;
  readonly series: CallerSeries<TcpSeriesTable>;
  /** What holds for connections to the app. */
  readonly appPools: AppPools;

  constructor(parts: InboundTcpSide["parts"], appPools: AppPools) {
    this.appPools = appPools;
    const { recorder, workload } = parts;
    this.parts = parts;
    this.name = `${workload.id.namespace}/${workload.id.name}`;
    const signals = recorder.signalsOf(workload);
    this.series = new CallerSeries(workload, (pair) => new TcpSeriesTable(recorder, signals, pair));
  }
}
