"use client";

import { type Grant, MeResponse } from "@heddle/contracts";
import { allows, allowsSomewhere } from "@heddle/mesh";
import { useQuery } from "@tanstack/react-query";
import { getJson } from "../api-client.ts";
import { queryKeys } from "./query-keys.ts";

/** Who is signed in; `undefined` until it is known. */
export function useMe(): MeResponse | undefined {
  return useQuery({
    queryKey: queryKeys.me,
    queryFn: ({ signal }) => getJson("/me", MeResponse, signal),
    staleTime: 60_000,
  }).data;
}

/** What somebody may do, by namespace. */
export function grantsOf(me: MeResponse): readonly Grant[] {
  return me.grants ?? [{ namespace: "*", role: me.role }];
}

/**
 * Why this person may not change a namespace (`*`: the whole mesh; absent: anything at all); `undefined` when they
 * may. A button shows it and stays visible.
 */
export function useReadOnlyReason(namespace?: string): string | undefined {
  const me = useMe();
  if (me === undefined) return undefined; // not known yet: the server refuses if it must
  const grants = grantsOf(me);
  if (namespace === undefined) {
    if (allowsSomewhere(grants, "operator")) return undefined;
    return `You can see this but not change it: ${me.name} is a viewer. Ask an admin for operator.`;
  }
  if (allows(grants, "operator", namespace)) return undefined;
  const where = namespace === "*" ? "the whole mesh" : namespace;
  return `You can see this but not change it. Ask an admin for operator on ${where}.`;
}
