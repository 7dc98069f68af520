import type { GraphEdge, GraphNode } from "@heddle/contracts";
import {
  formatBytesPerSecond,
  formatCounted,
  formatRate,
  formatShare,
  UNIT_SPACE,
} from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import { STATUS_WORDS } from "../../ui/status.ts";
import { nodeName, type Thread } from "./graph-model.ts";
import type { EdgeLabel } from "./graph-state.ts";
import { bytesOf, isActiveTcp } from "./tcp-signals.ts";

/** 1.25 to 7 px, by the logarithm of the rate: ten times the traffic is 1.5 px more. */
export function threadWidthPx(requestsPerSecond: number): number {
  return Math.min(Math.max(1.1 + 1.5 * Math.log10(1 + 1.2 * requestsPerSecond), 1.25), 7);
}

/** At most this many marks move at once, whatever the size of the mesh. */
const MOST_MARKS = 200;

export type FlowMarks = {
  readonly count: number;
  /** How many of them are diamonds: failed requests. */
  readonly diamonds: number;
  readonly durationS: number;
};

/** Count by rate, speed by p50 in few steps, so that a wobbling figure does not restart the motion. */
export function flowMarks(thread: Thread, threadsDrawn: number): FlowMarks {
  const { requestsPerSecond, errorRatio = 0, p50Ms = 0 } = thread.edge.signals;
  if (thread.status === "tcp") return TCP_MARKS;
  if (requestsPerSecond <= 0 || thread.status === "idle")
    return { count: 0, diamonds: 0, durationS: 1 };
  const wanted = Math.min(1 + Math.floor(Math.log10(1 + requestsPerSecond)), 4);
  const count = Math.min(wanted, Math.floor(MOST_MARKS / Math.max(1, threadsDrawn)));
  const durationS = SPEEDS.find(([belowMs]) => p50Ms < belowMs)?.[1] ?? 7;
  const isFailing = thread.status === "failing";
  const diamonds = isFailing ? Math.min(count, Math.max(1, Math.round(count * errorRatio))) : 0;
  return { count, diamonds, durationS };
}

/** One arrowhead: the direction, of traffic that has no rate to count by. */
const TCP_MARKS: FlowMarks = { count: 1, diamonds: 0, durationS: 3.6 };

const SPEEDS = [
  [10, 2.2],
  [50, 2.8],
  [200, 3.6],
  [1000, 5],
] as const;

export type ChipText = {
  readonly text: string;
  /** Errors on it: outlined when degraded, filled when failing. */
  readonly tone: "plain" | "warn" | "bad";
  /** Shown as a shield before the text; `undefined`: no shield, all is encrypted or nobody asked. */
  readonly shield: { readonly ratio: number | undefined } | undefined;
  /** A policy denied some of it: a slashed circle. */
  readonly isDenied: boolean;
};

/** The chip of a thread. Rate when healthy, error share when not, further values only if asked for. */
export function chipText(thread: Thread, labels: readonly EdgeLabel[]): ChipText | undefined {
  const { edge, status } = thread;
  const { signals, mtlsRatio } = edge;
  const deviates = status === "degraded" || status === "failing";
  const failed = deviates && labels.includes("errors") ? failedText(edge) : undefined;
  const first = failed ?? (labels.includes("rate") ? trafficText(edge) : undefined);
  const parts = first === undefined ? [] : [first];
  for (const [label, value] of [
    ["p50", signals.p50Ms],
    ["p95", signals.p95Ms],
    ["p99", signals.p99Ms],
  ] as const) {
    if (labels.includes(label) && edge.protocol !== "tcp")
      parts.push(`${label} ${formatDuration(value)}`);
  }
  if (labels.includes("mtls")) parts.push(`mTLS ${formatShare(mtlsRatio)}`);
  if (parts.length === 0) return undefined;
  const hasShield = mtlsRatio !== undefined && mtlsRatio < 1;
  const deviatingTone = status === "failing" ? "bad" : "warn";
  return {
    text: parts.join(" · "),
    tone: failed === undefined ? "plain" : deviatingTone,
    shield: hasShield ? { ratio: mtlsRatio } : undefined,
    isDenied: (thread.denied?.denied ?? 0) > 0,
  };
}

/** "8.7 % errors", of connections "8.7 % not opened"; `undefined`: none failed. */
function failedText({ signals, tcp }: GraphEdge): string | undefined {
  if (signals.errors > 0) return `${formatShare(signals.errorRatio)} errors`;
  if (tcp === undefined || tcp.failed === 0) return undefined;
  return `${formatShare(tcp.failed / (tcp.failed + tcp.opened))} not opened`;
}

/** "42.1 rps", of connections "2.1 MB/s"; `undefined`: nothing passes. */
function trafficText({ signals, tcp }: GraphEdge): string | undefined {
  if (signals.requests > 0) return formatRate(signals.requestsPerSecond);
  return tcp !== undefined && isActiveTcp(tcp) ? formatBytesPerSecond(bytesOf(tcp)) : undefined;
}

const CHIP_CHAR_PX = 5.8;

/** Rounded up in steps of 8 px: a figure that grows by a digit should not move its neighbours. */
export function chipWidthPx(chip: ChipText): number {
  const marksPx =
    (chip.tone === "plain" ? 0 : 14) +
    (chip.shield === undefined ? 0 : 16) +
    (chip.isDenied ? 16 : 0);
  const letters = chip.text.replaceAll(UNIT_SPACE, "").length;
  return Math.ceil((letters * CHIP_CHAR_PX + marksPx + 16) / 8) * 8;
}

/** The thread in words: what a screen reader says for the line. */
export function threadName(thread: Thread, nodes: ReadonlyMap<string, GraphNode>): string {
  const { source, destination, signals, mtlsRatio, protocol, tcp } = thread.edge;
  const figures =
    protocol === "tcp"
      ? [
          trafficText(thread.edge) ?? "no bytes",
          tcp && `${formatCounted(tcp.open, "connection")} open`,
          failedText(thread.edge),
        ]
      : [formatRate(signals.requestsPerSecond), `${formatShare(signals.errorRatio)} errors`];
  return [
    `${nodeName(nodes.get(source))} to ${nodeName(nodes.get(destination))}: ${STATUS_WORDS[thread.status]}`,
    ...figures.filter((figure) => figure !== undefined),
    `mTLS ${formatShare(mtlsRatio)}`,
    ...(thread.denied?.denied ? [`${formatCounted(thread.denied.denied, "request")} denied`] : []),
  ].join(", ");
}
