"use client";

import type { MtlsGuard } from "@heddle/contracts";
import { useEffect, useRef } from "react";
import { useToast } from "../../../ui/toast.tsx";

/** Says in a toast how a guard ended that ran while one looked on. */
export function useGuardEnds(guards: readonly MtlsGuard[]): void {
  const toast = useToast();
  const running = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    for (const guard of guards) {
      if (guard.status === "running" || !running.current.has(guard.id)) continue;
      toast({ text: guard.words, tone: guard.status === "taken-back" ? "warn" : "ok" });
    }
    const now = guards.filter(({ status }) => status === "running").map(({ id }) => id);
    running.current = new Set(now);
  }, [guards, toast]);
}
