/** A rule somebody was at, kept in the browser until it is applied or discarded. */
export interface Draft {
  readonly text: string;
  /** What it was begun from, and that document's revision; 0: a new rule. */
  readonly base: string;
  readonly baseRevision: number;
  readonly savedAtMs: number;
}

/** Where drafts are kept; a browser's `localStorage` is one. */
export type DraftStore = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

const PREFIX = "heddle-draft ";
/** The oldest give way. */
const MOST_DRAFTS = 30;

/** Drafts are told apart by document: `VirtualService/shop/reviews`, or `new/<template>`. */
export function loadDraft(store: DraftStore, id: string): Draft | undefined {
  const kept = store.getItem(PREFIX + id);
  if (kept === null) return undefined;
  const draft = parseDraft(kept);
  if (draft === undefined) store.removeItem(PREFIX + id); // of another version, or somebody's own
  return draft;
}

/** False: the browser keeps no more, or nothing at all. */
export function saveDraft(store: DraftStore, id: string, draft: Draft): boolean {
  try {
    store.setItem(PREFIX + id, JSON.stringify(draft));
    const drafts = listDrafts(store);
    for (const { key } of drafts.slice(MOST_DRAFTS)) store.removeItem(key);
    return true;
  } catch {
    return false; // full, or forbidden in this browser: the page says so
  }
}

export function dropDraft(store: DraftStore, id: string): void {
  store.removeItem(PREFIX + id);
}

/** The documents somebody has a draft of, newest first. */
export function draftIds(store: DraftStore): string[] {
  return listDrafts(store).map(({ key }) => key.slice(PREFIX.length));
}

function listDrafts(store: DraftStore): { readonly key: string; readonly savedAtMs: number }[] {
  const found: { key: string; savedAtMs: number }[] = [];
  for (let index = 0; index < store.length; index += 1) {
    const key = store.key(index);
    if (key === null || !key.startsWith(PREFIX)) continue;
    const draft = parseDraft(store.getItem(key) ?? "");
    found.push({ key, savedAtMs: draft?.savedAtMs ?? 0 });
  }
  return found.sort((a, b) => b.savedAtMs - a.savedAtMs);
}

function parseDraft(text: string): Draft | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // not ours: treated as absent
  }
  if (typeof value !== "object" || value === null) return undefined;
  const {
    text: own,
    base,
    baseRevision,
    savedAtMs,
  } = value as Partial<Record<keyof Draft, unknown>>;
  if (typeof own !== "string" || typeof base !== "string") return undefined;
  if (typeof baseRevision !== "number" || typeof savedAtMs !== "number") return undefined;
  return { text: own, base, baseRevision, savedAtMs };
}
