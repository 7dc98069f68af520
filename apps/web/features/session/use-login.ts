"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useRef, useState } from "react";
import { z } from "zod";
import { postJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";

/** What the console answers to a login; the session's token itself never reaches a script. */
const SessionStarted = z.object({ user: z.object({ name: z.string() }), expiresAtMs: z.number() });

/** A way in, by what one knows. */
export type Way =
  | { readonly kind: "link"; readonly body: { readonly token: string } }
  | {
      readonly kind: "password";
      readonly body: { readonly name: string; readonly password: string };
    }
  | {
      readonly kind: "setup";
      readonly body: { readonly token: string; readonly password: string };
    };

export type Attempt =
  | { readonly kind: "idle" }
  | { readonly kind: "pending"; readonly way: Way["kind"] }
  | { readonly kind: "failed"; readonly way: Way["kind"]; readonly error: ApiError };

const PATHS = { link: "/login", password: "/login/password", setup: "/setup" } as const;

/** Logs in, then goes where one wanted to go. */
export function useLogin(next: string) {
  const router = useRouter();
  const client = useQueryClient();
  const [attempt, setAttempt] = useState<Attempt>({ kind: "idle" });
  const latest = useRef({ next, router, client });
  latest.current = { next, router, client };
  const [logIn] = useState(() => (way: Way): void => {
    setAttempt({ kind: "pending", way: way.kind });
    postJson(PATHS[way.kind], way.body, SessionStarted).then(
      () => {
        latest.current.client.clear(); // nothing another person saw
        latest.current.router.replace(latest.current.next); // also takes a token out of the address
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        setAttempt({ kind: "failed", way: way.kind, error });
      },
    );
  });
  return { attempt, logIn };
}
