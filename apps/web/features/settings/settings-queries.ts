"use client";

import {
  ApiTokenCreateResponse,
  ApiTokensResponse,
  AuditResponse,
  EndedResponse,
  type Grant,
  SessionsResponse,
  SetupLinkResponse,
  UserResponse,
  UsersResponse,
} from "@heddle/contracts";
import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { apiPath, deleteJson, getJson, postJson, putJson } from "../../lib/api-client.ts";
import { queryKeys } from "../../lib/queries/query-keys.ts";

const KEY = "access";
const SLOW_MS = 15_000;
const AUDIT_PAGE = 50;

export function useUsers(isAdmin: boolean) {
  return useQuery({
    queryKey: [KEY, "users"],
    queryFn: ({ signal }) => getJson("/users", UsersResponse, signal),
    enabled: isAdmin,
    refetchInterval: SLOW_MS,
  });
}

export function useApiTokens(isAll: boolean) {
  return useQuery({
    queryKey: [KEY, "tokens", isAll],
    queryFn: ({ signal }) =>
      getJson(
        apiPath(["api-tokens"], { all: isAll ? "true" : undefined }),
        ApiTokensResponse,
        signal,
      ),
    refetchInterval: SLOW_MS,
    placeholderData: keepPreviousData,
  });
}

export function useSessions(isAll: boolean) {
  return useQuery({
    queryKey: [KEY, "sessions", isAll],
    queryFn: ({ signal }) =>
      getJson(apiPath(["sessions"], { all: isAll ? "true" : undefined }), SessionsResponse, signal),
    refetchInterval: SLOW_MS,
    placeholderData: keepPreviousData,
  });
}

export type AuditFilter = {
  readonly actor?: string | undefined;
  readonly act?: string | undefined;
  readonly target?: string | undefined;
  readonly result?: string | undefined;
};

/** Newest first, a page at a time. */
export function useAuditPages(filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: [KEY, "audit", filter],
    queryFn: ({ pageParam, signal }) =>
      getJson(
        apiPath(["audit"], { limit: AUDIT_PAGE, before: pageParam, ...filter }),
        AuditResponse,
        signal,
      ),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.nextBefore,
    placeholderData: keepPreviousData,
    refetchInterval: SLOW_MS,
  });
}

export function useCreateUser() {
  return useAccessAct(
    (user: { readonly name: string; readonly displayName?: string; readonly grants: Grant[] }) =>
      postJson("/users", user, SetupLinkResponse),
  );
}

export function useChangeUser() {
  return useAccessAct(
    ({
      name,
      ...change
    }: {
      readonly name: string;
      readonly grants?: Grant[];
      readonly isDisabled?: boolean;
    }) => putJson(apiPath(["users", name]), change, UserResponse),
  );
}

export function useDeleteUser() {
  return useAccessAct((name: string) => deleteJson(apiPath(["users", name]), EndedResponse));
}

export function useNewSetupLink() {
  return useAccessAct((name: string) =>
    postJson(apiPath(["users", name, "setup-link"]), {}, SetupLinkResponse),
  );
}

export function useSignOutUser() {
  return useAccessAct((name: string) =>
    postJson(apiPath(["users", name, "sign-out"]), {}, EndedResponse),
  );
}

export function useCreateApiToken() {
  return useAccessAct(
    (token: {
      readonly name: string;
      readonly grants: readonly Grant[];
      readonly ttlSeconds: number;
    }) => postJson("/api-tokens", token, ApiTokenCreateResponse),
  );
}

export function useRevokeApiToken() {
  return useAccessAct((id: string) => deleteJson(apiPath(["api-tokens", id]), EndedResponse));
}

export function useEndSession() {
  return useAccessAct((id: string) => deleteJson(apiPath(["sessions", id]), EndedResponse));
}

export function useChangePassword() {
  return useAccessAct((change: { readonly current: string; readonly password: string }) =>
    putJson("/me/password", change, EndedResponse),
  );
}

/** An act after which everything about access is asked for anew. */
function useAccessAct<Input, Answer>(act: (input: Input) => Promise<Answer>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: [KEY] }),
        client.invalidateQueries({ queryKey: queryKeys.me }),
      ]),
  });
}
