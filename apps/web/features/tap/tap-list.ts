import type { TapBatch, TapEvent } from "@heddle/contracts";

/** As many as anybody scrolls through; older ones go. */
const MAX_ROWS = 200;

export const STATUS_GROUPS = ["all", "failed", "2xx", "3xx", "4xx", "5xx", "TCP"] as const;
export type StatusGroup = (typeof STATUS_GROUPS)[number];

export type TapRow = { readonly id: number; readonly event: TapEvent };

/** The newest first. `notShown`: what the mesh has counted and not told. */
export type TapList = {
  readonly rows: readonly TapRow[];
  readonly total: number;
  readonly notShown: number;
};

export const EMPTY_LIST: TapList = { rows: [], total: 0, notShown: 0 };

export function addBatch(list: TapList, { events, notShown }: TapBatch): TapList {
  const added = events.map((event, index) => ({ id: list.total + index, event }));
  return {
    rows: [...added.reverse(), ...list.rows].slice(0, MAX_ROWS),
    total: list.total + events.length,
    notShown: list.notShown + notShown,
  };
}

/** Those of a group whose method, path, status, flags, other end or trace contain every word of `text`. */
export function filterRows(list: TapList, group: StatusGroup, text: string): readonly TapRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return list.rows.filter(({ event }) => {
    if (!isInGroup(event, group)) return false;
    const all = wordsOf(event);
    return words.every((word) => all.includes(word));
  });
}

export function hasFailed({ failedBy, kind, status }: TapEvent): boolean {
  return failedBy !== undefined || kind === "connection-refused" || (status ?? 200) >= 500;
}

function isInGroup(event: TapEvent, group: StatusGroup): boolean {
  if (group === "all") return true;
  if (group === "failed") return hasFailed(event);
  if (group === "TCP") return event.kind !== "request";
  return event.kind === "request" && `${Math.floor((event.status ?? 0) / 100)}xx` === group;
}

function wordsOf({ method, path, status, flags, source, destination, traceId }: TapEvent): string {
  const ends = [source.workload, source.address, destination.workload, destination.service];
  return [method, path, status, flags, traceId, ...ends].join(" ").toLowerCase();
}
