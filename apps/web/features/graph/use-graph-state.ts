"use client";
import { useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import { type GraphState, graphQuery, parseGraphState } from "./graph-state.ts";

export type ChangeGraphState = (change: Partial<GraphState>) => void;

/**
 * The page's state, held by the URL. A new selection is a step of its own for back and forward; the
 * rest replaces the entry it is on.
 */
export function useGraphState(): readonly [GraphState, ChangeGraphState] {
  const search = useSearchParams();
  const state = useMemo(() => parseGraphState(new URLSearchParams(search)), [search]);
  const change = useCallback((part: Partial<GraphState>) => {
    // Read afresh: two changes in one event must not undo each other.
    const current = parseGraphState(new URLSearchParams(window.location.search));
    const query = graphQuery({ ...current, ...part });
    const url = query === "" ? window.location.pathname : `?${query}`;
    if ("selected" in part && part.selected !== current.selected) {
      window.history.pushState(null, "", url);
    } else {
      window.history.replaceState(null, "", url);
    }
  }, []);
  return [state, change];
}
