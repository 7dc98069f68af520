"use client";

import { useMe } from "../../lib/queries/use-me.ts";
import { readOnlyReason } from "./may-change.ts";

/** Why this person may not touch whom a namespace (`*`: the whole mesh) trusts; `undefined` when they may. */
export function useAdminReason(namespace = "*"): string | undefined {
  return readOnlyReason(useMe(), "admin", namespace);
}
