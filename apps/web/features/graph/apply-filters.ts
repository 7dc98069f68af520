import {
  type FindExpression,
  matches,
  parseFind,
  rowSubject,
  threadSubject,
} from "./find-expression.ts";
import type { GraphModel } from "./graph-model.ts";

export type FilteredGraph = {
  /** Without what Hide matches; a thread goes with either of its ends. */
  readonly model: GraphModel;
  readonly foundCards: ReadonlySet<string>;
  readonly foundThreads: ReadonlySet<string>;
  readonly matched: Verdict;
  readonly hidden: Verdict;
};

/** A count to show in the field, or what is wrong with what was typed; `undefined`: nothing typed. */
export type Verdict = { readonly text: string; readonly isFault: boolean } | undefined;

/** Find marks, Hide removes. A text that is no expression does neither, and says why. */
export function applyFilters(model: GraphModel, find: string, hide: string): FilteredGraph {
  const parsedFind = parseFind(find);
  const parsedHide = parseFind(hide);
  const shown = parsedHide.ok ? without(model, parsedHide.expression) : model;
  const found = parsedFind.ok ? parsedFind.expression : undefined;
  const foundCards = new Set(
    found === undefined
      ? []
      : shown.cards
          .filter((card) => card.rows.some((row) => matches(found, rowSubject(card, row))))
          .map((card) => card.id),
  );
  const foundThreads = new Set(
    found === undefined || namesOnly(found)
      ? []
      : shown.threads
          .filter((thread) => matches(found, threadSubject(thread)))
          .map((thread) => thread.id),
  );
  const count = foundCards.size + foundThreads.size;
  const removed =
    model.cards.length + model.threads.length - shown.cards.length - shown.threads.length;
  return {
    model: shown,
    foundCards,
    foundThreads,
    matched: verdict(parsedFind, find, count === 0 ? "nothing" : String(count)),
    hidden: verdict(parsedHide, hide, String(removed)),
  };
}

function verdict(parsed: ReturnType<typeof parseFind>, typed: string, text: string): Verdict {
  if (!parsed.ok) return { text: parsed.message, isFault: true };
  return typed.trim() === "" ? undefined : { text, isFault: false };
}

/** A negated name would match every thread, as threads have none. */
function namesOnly(expression: FindExpression): boolean {
  switch (expression.kind) {
    case "text":
      return true;
    case "not":
      return namesOnly(expression.term);
    case "all":
    case "any":
      return expression.terms.some(namesOnly);
    default:
      return false;
  }
}

function without(model: GraphModel, hidden: FindExpression | undefined): GraphModel {
  if (hidden === undefined) return model;
  const cards = model.cards.flatMap((card) => {
    const rows = card.rows.filter((row) => !matches(hidden, rowSubject(card, row)));
    if (rows.length === card.rows.length) return [card];
    return rows.length === 0 ? [] : [{ ...card, rows }];
  });
  const rowIds = new Set(cards.flatMap((card) => card.rows.map((row) => row.id)));
  const threads = model.threads.filter(
    (thread) =>
      rowIds.has(thread.edge.source) &&
      rowIds.has(thread.edge.destination) &&
      (namesOnly(hidden) || !matches(hidden, threadSubject(thread))),
  );
  return { cards, threads };
}
