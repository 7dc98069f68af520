import { RevisionsResponse } from "@heddle/contracts";
import { queryOptions } from "@tanstack/react-query";
import { apiPath, getJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";

/** Enough for the last hour's markers of a busy day, and for the palette. */
const RECENT = 100;

export const recentRevisionsQuery = queryOptions({
  queryKey: [...queryKeys.revisions, "recent"],
  queryFn: ({ signal }) =>
    getJson(apiPath(["revisions"], { limit: RECENT }), RevisionsResponse, signal),
  refetchInterval: 15_000,
});
