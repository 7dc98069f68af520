"use client";

import { useMemo } from "react";
import { useChangeEvents } from "../../lib/queries/use-change-events.ts";
import { useReportLive } from "../shell/live-store.ts";

/**
 * Keeps a page alive on change events and tells the top bar how live it is. `signalsAtMs`: when the page's figures last
 * came, on pages that show some.
 */
export function useLivePage(signalsAtMs?: number): void {
  const { kind, attempt } = useChangeEvents();
  const asOfMs = signalsAtMs === 0 ? undefined : signalsAtMs; // 0: TanStack Query has had no answer yet
  useReportLive(useMemo(() => ({ kind, attempt, asOfMs }), [kind, attempt, asOfMs]));
}
