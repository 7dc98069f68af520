import type { GraphNode } from "@heddle/contracts";
import { formatBytesPerSecond, formatRate, formatShare, UNIT_SPACE } from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import { STATUS_WORDS } from "../../ui/status.ts";
import { nodeName, type Thread } from "./graph-model.ts";
import type { EdgeLabel } from "./graph-state.ts";

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
  if (requestsPerSecond <= 0 || thread.status === "idle")
    return { count: 0, diamonds: 0, durationS: 1 };
  const wanted = Math.min(1 + Math.floor(Math.log10(1 + requestsPerSecond)), 4);
  const count = Math.min(wanted, Math.floor(MOST_MARKS / Math.max(1, threadsDrawn)));
  const durationS = SPEEDS.find(([belowMs]) => p50Ms < belowMs)?.[1] ?? 7;
  const isFailing = thread.status === "failing";
  const diamonds = isFailing ? Math.min(count, Math.max(1, Math.round(count * errorRatio))) : 0;
  return { count, diamonds, durationS };
}

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
};

/** The chip of a thread. Rate when healthy, error share when not, further values only if asked for. */
export function chipText(thread: Thread, labels: readonly EdgeLabel[]): ChipText | undefined {
  const { signals, mtlsRatio, tcp } = thread.edge;
  const deviates = thread.status === "degraded" || thread.status === "failing";
  const parts: string[] = [];
  const showsErrors = labels.includes("errors") && deviates && signals.errors > 0;
  if (showsErrors) parts.push(`${formatShare(signals.errorRatio)} errors`);
  else if (labels.includes("rate") && signals.requests > 0)
    parts.push(formatRate(signals.requestsPerSecond));
  else if (labels.includes("rate") && tcp !== undefined && thread.status === "tcp")
    parts.push(formatBytesPerSecond(tcp.sentBytesPerSecond + tcp.receivedBytesPerSecond));
  for (const [label, value] of [
    ["p50", signals.p50Ms],
    ["p95", signals.p95Ms],
    ["p99", signals.p99Ms],
  ] as const) {
    if (labels.includes(label) && thread.edge.protocol !== "tcp")
      parts.push(`${label} ${formatDuration(value)}`);
  }
  if (labels.includes("mtls")) parts.push(`mTLS ${formatShare(mtlsRatio)}`);
  if (parts.length === 0) return undefined;
  const hasShield = mtlsRatio !== undefined && mtlsRatio < 1;
  const tone = showsErrors ? (thread.status === "failing" ? "bad" : "warn") : "plain";
  return { text: parts.join(" · "), tone, shield: hasShield ? { ratio: mtlsRatio } : undefined };
}

const CHIP_CHAR_PX = 5.8;

/** Rounded up in steps of 8 px: a figure that grows by a digit should not move its neighbours. */
export function chipWidthPx(chip: ChipText): number {
  const marksPx = (chip.tone === "plain" ? 0 : 14) + (chip.shield === undefined ? 0 : 16);
  const letters = chip.text.replaceAll(UNIT_SPACE, "").length;
  return Math.ceil((letters * CHIP_CHAR_PX + marksPx + 16) / 8) * 8;
}

/** The thread in words: what a screen reader says for the line. */
export function threadName(thread: Thread, nodes: ReadonlyMap<string, GraphNode>): string {
  const { source, destination, signals, mtlsRatio, tcp } = thread.edge;
  const figures =
    tcp !== undefined && thread.edge.protocol === "tcp"
      ? [
          formatBytesPerSecond(tcp.sentBytesPerSecond + tcp.receivedBytesPerSecond),
          `${tcp.open} connections open`,
        ]
      : [formatRate(signals.requestsPerSecond), `${formatShare(signals.errorRatio)} errors`];
  return [
    `${nodeName(nodes.get(source))} to ${nodeName(nodes.get(destination))}: ${STATUS_WORDS[thread.status]}`,
    ...figures,
    `mTLS ${formatShare(mtlsRatio)}`,
  ].join(", ");
}
