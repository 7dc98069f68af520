"use client";

import { useCallback, useEffect, useState } from "react";
import { type Draft, dropDraft, loadDraft, saveDraft } from "./rule-drafts.ts";

const SAVE_AFTER_MS = 400;

/** What one is at: the text, what it was begun from, and whether the browser keeps it. */
export interface DraftState {
  readonly text: string;
  readonly base: string;
  readonly baseRevision: number;
  /** When it was last kept; absent: nothing differs, so there is nothing to keep. */
  readonly savedAtMs: number | undefined;
  /** The browser keeps no more: the draft ends with the page. */
  readonly isUnsaved: boolean;
}

/** A draft that survives a reload. `id` tells documents apart; with another one the component must be made anew. */
export function useDraft(
  id: string,
  from: {
    readonly yaml: string;
    readonly revision: number;
    /** What it begins with, if that is not what stands. */
    readonly text?: string;
  },
) {
  const [state, setState] = useState<DraftState>(() => {
    const kept = loadDraft(localStorage, id);
    const { yaml, revision, text = yaml } = from;
    const begin = kept ?? { text, base: yaml, baseRevision: revision };
    return { ...begin, savedAtMs: kept?.savedAtMs, isUnsaved: false };
  });
  const { text, base, baseRevision } = state;
  const isChanged = text !== base;
  useEffect(() => {
    if (!isChanged) {
      dropDraft(localStorage, id);
      setState((now) =>
        now.savedAtMs === undefined ? now : { ...now, savedAtMs: undefined, isUnsaved: false },
      );
      return undefined;
    }
    const timer = setTimeout(() => {
      const draft: Draft = { text, base, baseRevision, savedAtMs: Date.now() };
      const isKept = saveDraft(localStorage, id, draft);
      setState((now) => ({ ...now, savedAtMs: draft.savedAtMs, isUnsaved: !isKept }));
    }, SAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [id, text, base, baseRevision, isChanged]);
  const setText = useCallback((next: string) => setState((now) => ({ ...now, text: next })), []);
  /** From here on the draft is held against another state of the document. */
  const rebase = useCallback(
    (yaml: string, revision: number) =>
      setState((now) => ({ ...now, base: yaml, baseRevision: revision })),
    [],
  );
  return { state, isChanged, setText, rebase };
}
