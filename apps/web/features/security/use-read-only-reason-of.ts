"use client";

import { useMe } from "../../lib/queries/use-me.ts";
import { readOnlyReason } from "./may-change.ts";

/** Why this person may not change a namespace's rules (`*`: the mesh's); the answer is `undefined` when they may. */
export function useReadOnlyReasonOf(): (namespace: string) => string | undefined {
  const me = useMe();
  return (namespace) => readOnlyReason(me, "operator", namespace);
}
