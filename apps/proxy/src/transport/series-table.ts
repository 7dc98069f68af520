import type {
  FailedBy,
  PairLabels,
  SeriesLabels,
  TrafficRecorder,
} from "../core/traffic-recorder.ts";

const MAX_CODE = 1_000;

/**
 * The recorder's series of one pair of peers. Good answers, nearly all there are, find theirs in a
 * typed array by response code; failures and gRPC's by a small map.
 */
export class SeriesTable {
  readonly #recorder: TrafficRecorder;
  readonly pair: PairLabels;
  /** Series index + 1 by response code; 0: not asked for yet. */
  readonly #plain = new Uint32Array(MAX_CODE);
  readonly #others = new Map<string, number>();
  #epoch: number;

  constructor(recorder: TrafficRecorder, pair: PairLabels) {
    this.#recorder = recorder;
    this.pair = pair;
    this.#epoch = recorder.seriesEpoch;
  }

  /** `grpcStatus`: of a gRPC call, empty where its answer broke off before it said one. */
  seriesOf(
    responseCode: number,
    responseFlags: string,
    failedBy: FailedBy,
    grpcStatus?: string,
  ): number {
    if (this.#epoch !== this.#recorder.seriesEpoch) this.#forget();
    if (grpcStatus !== undefined) {
      const key = `${responseCode} ${responseFlags} ${failedBy} grpc ${grpcStatus}`;
      const grpc = { protocol: "grpc", grpcStatus } as const;
      return this.#find(key, { responseCode, responseFlags, failedBy, ...grpc });
    }
    if (responseFlags === "-" && failedBy === "" && responseCode < MAX_CODE) {
      const known = this.#plain[responseCode] as number;
      if (known > 0) return known - 1;
      const labels = { ...this.pair, responseCode, responseFlags, failedBy };
      const series = this.#recorder.series(labels);
      this.#plain[responseCode] = series + 1;
      return series;
    }
    const key = `${responseCode} ${responseFlags} ${failedBy}`;
    return this.#find(key, { responseCode, responseFlags, failedBy });
  }

  #forget(): void {
    this.#epoch = this.#recorder.seriesEpoch;
    this.#plain.fill(0);
    this.#others.clear();
  }

  #find(key: string, rest: Omit<SeriesLabels, keyof PairLabels>): number {
    const known = this.#others.get(key);
    if (known !== undefined) return known;
    const series = this.#recorder.series({ ...this.pair, ...rest });
    this.#others.set(key, series);
    return series;
  }
}
