"use client";
import { useEffect, useSyncExternalStore } from "react";
import type { StreamState } from "../../lib/stream-state.ts";

/** What the pill in the top bar says: the state of the one stream the page lives on. */
export type Live = {
  readonly stream: StreamState;
  /** The stream lives, but there is nothing to see yet: no proxy has joined. */
  readonly isWaiting: boolean;
};

/** The page shows a moment of the past, and lives on no stream meanwhile. */
export type Past = { readonly pastMs: number };

let current: Live | Past | undefined;
const listeners = new Set<() => void>();

function publish(live: Live | Past | undefined): void {
  current = live;
  for (const listener of listeners) listener();
}

/**
 * A page tells the shell how its stream is, or with `pastMs` that it shows the mesh as of then; it stops telling when it
 * goes.
 */
export function useReportLive(stream: StreamState, isWaiting = false, pastMs?: number): void {
  useEffect(
    () => publish(pastMs === undefined ? { stream, isWaiting } : { pastMs }),
    [stream, isWaiting, pastMs],
  );
  useEffect(() => () => publish(undefined), []);
}

/** `undefined`: this page lives on no stream. */
export function useLive(): Live | Past | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
    () => undefined,
  );
}
