"use client";

import { useReadOnlyReason } from "../../lib/queries/use-me.ts";

/** Why this person may not change a namespace's rules (`*`: the mesh's); the answer is `undefined` when they may. */
export function useReadOnlyReasonOf(): (namespace: string) => string | undefined {
  const reason = useReadOnlyReason();
  return () => reason;
}
