import { formatRef } from "@heddle/resources";
import { exceeds, holdIdOf } from "../registry/loss-guard.ts";
import { serviceOfHold } from "../registry/registry-holds.ts";
import type {
  SourceContent,
  SourceDocument,
  SourceFault,
  SourceHold,
  SourceLookup,
} from "./source-content.ts";

/** What a source says now. */
export type Reading = {
  /** `undefined`: it could not be read. */
  readonly documents: readonly SourceDocument[] | undefined;
  readonly faults: readonly SourceFault[];
  readonly lookups?: readonly SourceLookup[];
};

/** What a service would lose if other documents held. */
export type ServiceLoss = {
  readonly service: string; // namespace/name
  readonly before: number;
  readonly after: number;
  /** The documents it hangs on, by `formatRef`. */
  readonly refs: readonly string[];
};

export type ReadingSituation = {
  /** What the services of `now` would lose by `next`; only of documents that differ. */
  readonly weigh: (
    now: readonly SourceDocument[],
    next: readonly SourceDocument[],
  ) => readonly ServiceLoss[];
  readonly isUsed: (serviceKey: string) => boolean;
  /** Endpoints of a service that the source has taken out within the last minute. */
  readonly justGone: (serviceKey: string) => number;
  readonly maxLossPercent: number;
  readonly nowMs: number;
};

/**
 * What is in force once a source has said something. What it names is taken; but documents by whose loss a
 * service in use would lose more endpoints than it may stay as they were, and ask. A source that names nothing
 * at all any more, or cannot be read, keeps everything, in use or not: a mount that is gone looks just so.
 */
export function takeReading(
  before: SourceContent,
  reading: Reading,
  situation: ReadingSituation,
): SourceContent {
  const { nowMs, maxLossPercent, isUsed, justGone, weigh } = situation;
  const now = before.documents;
  const next = (reading.documents ?? []).map((one) => withAge(one, before));
  const isUnread = reading.documents === undefined;
  const isEmptied = next.length === 0 && now.length > 0;
  const tooMuch = weigh(now, next).filter((loss) => {
    const gone = justGone(loss.service);
    const lost = loss.before - loss.after + gone;
    const isGuarded = isEmptied || isUsed(loss.service);
    return (
      isGuarded && loss.after < loss.before && exceeds(lost, loss.before + gone, maxLossPercent)
    );
  });
  const holds = tooMuch.map((loss) => holdOf(loss, before, next, nowMs));
  const keepsAll = isUnread || (isEmptied && holds.length > 0);
  const documents = keepsAll ? now : joined(now, next, holds);
  const state = reading.faults.length > 0 ? "failing" : "ok";
  const hasChanged = textOf(now) !== textOf(documents);
  const lastChangeAtMs = hasChanged ? nowMs : before.lastChangeAtMs;
  return {
    ...before,
    state,
    sinceMs: state === before.state ? before.sinceMs : nowMs,
    ...(isUnread ? {} : { lastReadAtMs: nowMs }),
    ...(lastChangeAtMs === undefined ? {} : { lastChangeAtMs }),
    documents: [...documents],
    faults: [...reading.faults],
    holds,
    ...(reading.lookups === undefined ? {} : { lookups: [...reading.lookups] }),
  };
}

/** Somebody has said that they may go: what is held becomes what the source says. */
export function confirmHold(content: SourceContent, id: string, nowMs: number): SourceContent {
  const hold = content.holds.find((one) => one.id === id);
  if (!hold) return content;
  const nexts = new Map(hold.kept.map(({ ref, next }) => [ref, next]));
  return {
    ...content,
    lastChangeAtMs: nowMs,
    documents: content.documents.flatMap((one) => {
      const ref = formatRef(one);
      return nexts.has(ref) ? (nexts.get(ref) ?? []) : [one];
    }),
    holds: content.holds.filter((one) => one.id !== id),
  };
}

/** Somebody wants to keep them, and to be asked no more. */
export function dismissHold(
  content: SourceContent,
  id: string,
  by: string,
  nowMs: number,
): SourceContent {
  const holds = content.holds.map((one) =>
    one.id === id ? { ...one, dismissedBy: by, dismissedAtMs: nowMs } : one,
  );
  return { ...content, holds };
}

function holdOf(
  { service, before: endpointsBefore, after, refs }: ServiceLoss,
  before: SourceContent,
  next: readonly SourceDocument[],
  nowMs: number,
): SourceHold {
  const same = before.holds.find((one) => one.service === service);
  const texts = new Map(before.documents.map((one) => [formatRef(one), one.yaml]));
  const kept = refs.flatMap((ref) => {
    const named = next.find((one) => formatRef(one) === ref);
    if (!texts.has(ref) || named?.yaml === texts.get(ref)) return [];
    return [{ ref, ...(named === undefined ? {} : { next: named }) }];
  });
  return {
    ...(same ?? {
      id: holdIdOf(serviceOfHold({ service }), nowMs),
      service,
      sinceMs: nowMs,
      endpointsBefore,
    }),
    endpointsAfter: after,
    kept,
  };
}

/** What the source names, with what is held as it was. */
function joined(
  now: readonly SourceDocument[],
  next: readonly SourceDocument[],
  holds: readonly SourceHold[],
): SourceDocument[] {
  const kept = new Set(holds.flatMap((hold) => hold.kept.map(({ ref }) => ref)));
  return [
    ...next.filter((one) => !kept.has(formatRef(one))),
    ...now.filter((one) => kept.has(formatRef(one))),
  ];
}

/** A document that was there already keeps its age. */
function withAge(document: SourceDocument, { documents }: SourceContent): SourceDocument {
  const ref = formatRef(document);
  const older = documents.find((one) => formatRef(one) === ref);
  return older === undefined ? document : { ...document, createdAtMs: older.createdAtMs };
}

function textOf(documents: readonly SourceDocument[]): string {
  return JSON.stringify(documents.map((one) => `${formatRef(one)} ${one.yaml}`).toSorted(byText));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
