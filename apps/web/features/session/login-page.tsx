"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearchParams } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { z } from "zod";
import { postJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";
import { returnPathOf } from "../../lib/return-path.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { HeddleMark } from "../../ui/heddle-mark.tsx";
import styles from "./login-page.module.css";
import { loginTokenOf } from "./login-token.ts";

/** What the console answers to a login; the session's token itself never reaches a script. */
const SessionStarted = z.object({ user: z.object({ name: z.string() }), expiresAtMs: z.number() });

/** Trades the one-time link for a session, then goes where one wanted to go. */
export function LoginPage() {
  const search = useSearchParams();
  const next = returnPathOf(search.get("next"));
  const { attempt, logIn } = useLogin(next);
  const linkToken = search.get("token");
  const spent = useRef<string>(undefined);

  useEffect(() => {
    if (linkToken === null || spent.current === linkToken) return;
    spent.current = linkToken; // a one-time token: development renders twice, the token counts once
    logIn(linkToken);
  }, [linkToken, logIn]);

  const isPending = attempt.kind === "pending" || (attempt.kind === "idle" && linkToken !== null);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>
          <HeddleMark /> Heddle
        </p>
        <h1>{isPending ? "Logging you in" : "Log in to the console"}</h1>
        {attempt.kind === "failed" && <LoginFailure error={attempt.error} />}
        {isPending ? (
          <p className={styles.words} role="status">
            The console is checking your login link.
          </p>
        ) : (
          <LinkForm onToken={logIn} />
        )}
      </div>
    </main>
  );
}

function LinkForm({ onToken }: { readonly onToken: (token: string) => void }) {
  const [fault, setFault] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const pasted = new FormData(event.currentTarget).get("link");
    const token = typeof pasted === "string" ? loginTokenOf(pasted) : undefined;
    if (token === undefined) setFault("Paste the whole link, or the token after token= in it.");
    else onToken(token);
  };
  return (
    <>
      <p className={styles.words}>
        You log in with a one-time link. <code>npm start</code> prints one when the mesh is ready;
        on the machine it runs on this command makes another:
      </p>
      <CodeLine command="npx heddle login" />
      <form className={styles.form} onSubmit={submit}>
        <label htmlFor="link">Login link</label>
        <input
          id="link"
          name="link"
          autoComplete="off"
          spellCheck={false}
          placeholder="http://127.0.0.1:20001/login?token=…"
          aria-invalid={fault !== undefined}
          aria-describedby={fault === undefined ? undefined : "link-fault"}
        />
        {fault !== undefined && (
          <p id="link-fault" className={styles.fault} role="alert">
            {fault}
          </p>
        )}
        <Button type="submit" kind="primary" size="large" isWide>
          Log in
        </Button>
      </form>
    </>
  );
}

function LoginFailure({ error }: { readonly error: ApiError }) {
  if (error.status === 401 || error.status === 403 || error.status === 410) {
    return (
      <ErrorPart
        title="This login link is used or has expired"
        detail={`${error.message} A link works once, for 15 minutes; get a new one below.`}
      />
    );
  }
  return <ErrorPart title={error.title} detail={error.message} />;
}

type Attempt =
  | { readonly kind: "idle" }
  | { readonly kind: "pending" }
  | { readonly kind: "failed"; readonly error: ApiError };

function useLogin(next: string) {
  const router = useRouter();
  const client = useQueryClient();
  const [attempt, setAttempt] = useState<Attempt>({ kind: "idle" });
  const latest = useRef({ next, router, client });
  latest.current = { next, router, client };
  const [logIn] = useState(() => (token: string): void => {
    setAttempt({ kind: "pending" });
    postJson("/login", { token }, SessionStarted).then(
      () => {
        latest.current.client.clear(); // nothing another person saw
        latest.current.router.replace(latest.current.next); // also takes the token out of the address
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        setAttempt({ kind: "failed", error });
      },
    );
  });
  return { attempt, logIn };
}
