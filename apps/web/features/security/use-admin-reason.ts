"use client";

import { useMe } from "../../lib/queries/use-me.ts";

/** Why this person may not touch what the whole mesh trusts; `undefined` when they may. */
export function useAdminReason(): string | undefined {
  const me = useMe();
  if (me === undefined || me.role === "admin") return undefined; // not known yet: the server refuses if it must
  return `You can see this but not change it: ${me.name} is ${me.role === "operator" ? "an operator" : "a viewer"}. Ask an admin.`;
}
