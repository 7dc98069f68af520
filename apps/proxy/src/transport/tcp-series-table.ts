import type { FailedBy, TrafficRecorder } from "../core/traffic-recorder.ts";
import type { PairLabels } from "./series-table.ts";

/** The recorder's series of opaque connections between one pair of peers. */
export class TcpSeriesTable {
  readonly #recorder: TrafficRecorder;
  readonly #labels: PairLabels;
  readonly #series = new Map<string, number>();
  #epoch: number;

  constructor(recorder: TrafficRecorder, labels: PairLabels) {
    this.#recorder = recorder;
    this.#labels = labels;
    this.#epoch = recorder.seriesEpoch;
  }

  /** Of connections that were opened with this result. */
  seriesOf(responseFlags: string, failedBy: FailedBy): number {
    if (this.#epoch !== this.#recorder.seriesEpoch) {
      this.#epoch = this.#recorder.seriesEpoch;
      this.#series.clear();
    }
    const key = `${responseFlags} ${failedBy}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = this.#recorder.tcpSeries({ ...this.#labels, responseFlags, failedBy });
    this.#series.set(key, made);
    return made;
  }

  /** Counts a connection that found no other end. */
  countRefused(responseFlags: string, failedBy: FailedBy): void {
    const series = this.seriesOf(responseFlags, failedBy);
    this.#recorder.tcpOpened(series);
    this.#recorder.tcpClosed(series);
  }
}
