"use client";

import { MeResponse } from "@heddle/contracts";
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

/** Why this person may not change the mesh; `undefined` when they may. A button shows it and stays visible. */
export function useReadOnlyReason(): string | undefined {
  const me = useMe();
  if (me?.role !== "viewer") return undefined; // not known yet: the server refuses if it must
  return `You can see this but not change it: ${me.name} is a viewer. Ask an admin for operator.`;
}
