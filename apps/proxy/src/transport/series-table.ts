import type { FailedBy, SeriesLabels, TrafficRecorder } from "../core/traffic-recorder.ts";

type FixedLabels = Omit<SeriesLabels, "responseCode" | "responseFlags" | "failedBy">;

const MAX_CODE = 1_000;

/**
 * The recorder's series of one pair of peers. Good answers, nearly all there are, find theirs in a
 * typed array by response code; failures by a small map.
 */
export class SeriesTable {
  readonly #recorder: TrafficRecorder;
  readonly #labels: FixedLabels;
  /** Series index + 1 by response code; 0: not asked for yet. */
  readonly #plain = new Uint32Array(MAX_CODE);
  readonly #failures = new Map<string, number>();

  constructor(recorder: TrafficRecorder, labels: FixedLabels) {
    this.#recorder = recorder;
    this.#labels = labels;
  }

  seriesOf(responseCode: number, responseFlags: string, failedBy: FailedBy): number {
    if (responseFlags === "-" && failedBy === "" && responseCode < MAX_CODE) {
      const known = this.#plain[responseCode] as number;
      if (known > 0) return known - 1;
      const series = this.#make(responseCode, responseFlags, failedBy);
      this.#plain[responseCode] = series + 1;
      return series;
    }
    const key = `${responseCode} ${responseFlags} ${failedBy}`;
    let series = this.#failures.get(key);
    if (series === undefined) {
      series = this.#make(responseCode, responseFlags, failedBy);
      this.#failures.set(key, series);
    }
    return series;
  }

  #make(responseCode: number, responseFlags: string, failedBy: FailedBy): number {
    return this.#recorder.series({ ...this.#labels, responseCode, responseFlags, failedBy });
  }
}
