"use client";

import {
  CertificatesResponse,
  IdentityResponse,
  type RevocationRequest,
  RevocationResponse,
  RotationState,
  RotationsResponse,
  TokenRevokeResponse,
  TokensResponse,
} from "@heddle/contracts";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { apiPath, deleteJson, getJson, postJson } from "../../../lib/api-client.ts";
import { formatCounted } from "../../../lib/numbers.ts";
import { useToast } from "../../../ui/toast.tsx";

const SLOW_MS = 10_000;
/** "n of m proxies" moves while one looks on. */
const ROTATING_EVERY_MS = 1000;
const MOST_CERTIFICATES = 1000;
const KEY = "identity";

/** Who signs, until when, and what about it wants a human. */
export function useIdentity() {
  return useQuery({
    queryKey: [KEY, "authorities"],
    queryFn: ({ signal }) => getJson("/identity", IdentityResponse, signal),
    refetchInterval: ({ state }) => (state.data?.rotation ? ROTATING_EVERY_MS : SLOW_MS),
    placeholderData: keepPreviousData,
  });
}

/** The certificates in use, the one that ends first, first. */
export function useCertificates() {
  return useQuery({
    queryKey: [KEY, "certificates"],
    queryFn: ({ signal }) =>
      getJson(
        apiPath(["certificates"], { inUse: "true", limit: MOST_CERTIFICATES }),
        CertificatesResponse,
        signal,
      ),
    refetchInterval: SLOW_MS,
    placeholderData: keepPreviousData,
  });
}

export function useRotations() {
  return useQuery({
    queryKey: [KEY, "rotations"],
    queryFn: ({ signal }) => getJson("/identity/rotations", RotationsResponse, signal),
    refetchInterval: ({ state }) => (state.data?.current ? ROTATING_EVERY_MS : SLOW_MS),
    placeholderData: keepPreviousData,
  });
}

export function useJoinTokens() {
  return useQuery({
    queryKey: [KEY, "tokens"],
    queryFn: ({ signal }) => getJson("/tokens", TokensResponse, signal),
    refetchInterval: SLOW_MS,
    placeholderData: keepPreviousData,
  });
}

/** What moves a rotation: its start and each step of its way. */
export type RotationAct =
  | { readonly kind: "start"; readonly of: "root" | "intermediate"; readonly isStepwise: boolean }
  | { readonly kind: "pause" | "resume" | "abort" }
  | { readonly kind: "advance"; readonly force: boolean };

export function useRotationAct() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (act: RotationAct) => {
      if (act.kind === "start") {
        const { of, isStepwise } = act;
        return postJson("/identity/rotations", { of, isStepwise }, RotationState);
      }
      const body = act.kind === "advance" ? { force: act.force } : {};
      return postJson(apiPath(["identity", "rotations", act.kind]), body, RotationState);
    },
    onSettled: () => client.invalidateQueries({ queryKey: [KEY] }),
  });
}

export function useRevoke() {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: (request: RevocationRequest) =>
      postJson("/certificates/revocations", request, RevocationResponse),
    onSuccess: ({ certificatesRevoked, proxiesDisconnected }) => {
      const put =
        proxiesDisconnected > 0
          ? `, ${formatCounted(proxiesDisconnected, "proxy", "proxies")} put out`
          : "";
      toast({ text: `${formatCounted(certificatesRevoked, "certificate")} revoked${put}.` });
    },
    onSettled: () => client.invalidateQueries({ queryKey: [KEY] }),
  });
}

export function useRevokeToken() {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: ({ id, disconnect }: { readonly id: string; readonly disconnect: boolean }) =>
      deleteJson(
        apiPath(["tokens", id], { disconnect: disconnect ? "true" : undefined }),
        TokenRevokeResponse,
      ),
    onSuccess: ({ id, proxiesDisconnected }) => {
      const put =
        proxiesDisconnected > 0
          ? `, ${formatCounted(proxiesDisconnected, "proxy", "proxies")} put out`
          : "";
      toast({ text: `Join token ${id} revoked${put}.` });
    },
    onSettled: () => client.invalidateQueries({ queryKey: [KEY] }),
  });
}
