import { CanariesResponse, RevisionsResponse } from "@heddle/contracts";
import { queryOptions } from "@tanstack/react-query";
import { getJson } from "../../lib/api-client.ts";

export const canariesQuery = queryOptions({
  queryKey: ["canaries"],
  queryFn: ({ signal }) => getJson("/canaries", CanariesResponse, signal),
});

/** Enough revisions for the last hour's markers of a busy day, and for the palette. */
const RECENT = 100;

export const recentRevisionsQuery = queryOptions({
  queryKey: ["revisions", "recent"],
  queryFn: ({ signal }) => getJson(`/revisions?limit=${RECENT}`, RevisionsResponse, signal),
});
