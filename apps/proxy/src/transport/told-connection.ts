import type {
  ConnectionRecord,
  FailedBy,
  PairLabels,
  WorkloadSignals,
} from "../core/traffic-recorder.ts";
import type { TcpFlow } from "./tcp-flow.ts";

/** Whose connection it is: a `TcpSeriesTable`. */
type Told = { readonly pair: PairLabels; readonly signals: WorkloadSignals };

/** The way it took, as far as it is known. */
export type ConnectionWay = Pick<ConnectionRecord, "authority" | "endpoint">;

const NO_WAY: ConnectionWay = { authority: undefined, endpoint: undefined };
const NO_SUMS = { durationMs: 0, upBytes: 0, downBytes: 0 };
const NO_FAULT = { flags: "-", failedBy: "" } as const;

export function tellOpened({ pair, signals }: Told, way: ConnectionWay): void {
  if (!signals.hearsConnections) return;
  signals.leaveConnection({ kind: "opened", pair, ...way, ...NO_FAULT, ...NO_SUMS });
}

/** `openedAtMs` by `performance.now()`. */
export function tellClosed(
  { pair, signals }: Told,
  way: ConnectionWay,
  openedAtMs: number,
  { upBytes, downBytes }: TcpFlow,
): void {
  if (!signals.hearsConnections) return;
  const sums = { durationMs: performance.now() - openedAtMs, upBytes, downBytes };
  signals.leaveConnection({ kind: "closed", pair, ...way, ...NO_FAULT, ...sums });
}

/** Of one that found no other end. */
export function tellRefused(
  { pair, signals }: Told,
  flags: string,
  failedBy: FailedBy,
  authority: string | undefined,
): void {
  if (!signals.hearsConnections) return;
  const way = { ...NO_WAY, authority };
  signals.leaveConnection({ kind: "refused", pair, ...way, flags, failedBy, ...NO_SUMS });
}
