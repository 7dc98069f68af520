import type { EffectVerdict, RevisionSummary } from "@heddle/contracts";
import { formatDayName, formatMinute } from "../../lib/times.ts";

export interface RevisionFilter {
  readonly text: string;
  readonly kind: string | undefined;
  readonly author: string | undefined;
  /** These two the server answers, for all revisions. */
  readonly effect: EffectVerdict | undefined;
  readonly isPinned: boolean;
}

/** Revisions whose sentence, number, author, note, services or documents hold every word of the text. */
export function filterRevisions(
  revisions: readonly RevisionSummary[],
  { text, kind, author }: Pick<RevisionFilter, "text" | "kind" | "author">,
): RevisionSummary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return revisions.filter((one) => {
    if (kind !== undefined && one.kind !== kind) return false;
    if (author !== undefined && one.author !== author) return false;
    const haystack = searchable(one);
    return words.every((word) => haystack.includes(word));
  });
}

export interface RevisionGroup {
  readonly name: string;
  readonly revisions: readonly RevisionSummary[];
}

/** Today by the hour, earlier by the day; order is kept. */
export function groupRevisions(
  revisions: readonly RevisionSummary[],
  nowMs: number,
): RevisionGroup[] {
  const groups: { name: string; revisions: RevisionSummary[] }[] = [];
  for (const one of revisions) {
    const name = groupName(one.createdAtMs, nowMs);
    const last = groups.at(-1);
    if (last?.name === name) last.revisions.push(one);
    else groups.push({ name, revisions: [one] });
  }
  return groups;
}

function groupName(timeMs: number, nowMs: number): string {
  const day = formatDayName(timeMs, nowMs);
  return day === "Today" ? `Today, ${formatMinute(timeMs).slice(0, 2)}:00` : day;
}

function searchable(one: RevisionSummary): string {
  const documents = one.resources.map(
    ({ kind, namespace, name }) => `${kind} ${namespace}/${name}`,
  );
  return [
    one.summary,
    one.revision,
    one.author,
    one.source,
    one.kind,
    one.reason,
    one.marks?.name,
    ...one.services,
    ...documents,
  ]
    .join(" ")
    .toLowerCase();
}
