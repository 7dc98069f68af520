"use client";

import { LoginOptions } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useSearchParams } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { getJson } from "../../lib/api-client.ts";
import { returnPathOf } from "../../lib/return-path.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { HeddleMark } from "../../ui/heddle-mark.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { LoginFailure } from "./login-failure.tsx";
import styles from "./login-page.module.css";
import { loginTokenOf } from "./login-token.ts";
import { PasswordField } from "./password-field.tsx";
import { type Attempt, useLogin } from "./use-login.ts";

/** What came of a login by the provider, as the console writes it into the address. */
const PROVIDER_FAILURES: Readonly<Record<string, readonly [title: string, detail: string]>> = {
  refused: [
    "The login provider did not let you in",
    "You may have no account there, or it took longer than 10 minutes. Try again, or ask an admin.",
  ],
  expired: ["The login took too long", "Start it again from here, in this browser."],
  unavailable: [
    "The login provider does not answer",
    "Try again in a moment, or use another way in.",
  ],
};

/** The ways in: name and password, the provider, a one-time link; then on to where one wanted to go. */
export function LoginPage() {
  const search = useSearchParams();
  const next = returnPathOf(search.get("next"));
  const { attempt, logIn } = useLogin(next);
  const linkToken = search.get("token");
  const spent = useRef<string>(undefined);
  const options = useQuery({
    queryKey: ["login-options"],
    queryFn: ({ signal }) => getJson("/login/options", LoginOptions, signal),
    staleTime: 60_000,
    retry: 1,
  });

  useEffect(() => {
    if (linkToken === null || spent.current === linkToken) return;
    spent.current = linkToken; // a one-time token: development renders twice, the token counts once
    logIn({ kind: "link", body: { token: linkToken } });
  }, [linkToken, logIn]);

  const isLinkPending =
    (attempt.kind === "pending" && attempt.way === "link") ||
    (attempt.kind === "idle" && linkToken !== null);
  const others = options.data?.password === true || options.data?.oidc !== undefined;
  const provider = PROVIDER_FAILURES[search.get("provider") ?? ""];
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>
          <HeddleMark /> Heddle
        </p>
        <h1>{isLinkPending ? "Logging you in" : "Log in to the console"}</h1>
        {search.get("ended") !== null && attempt.kind === "idle" && linkToken === null && (
          <p className={styles.note} role="status">
            Your session has ended. Log in and you are back where you were.
          </p>
        )}
        {provider !== undefined && attempt.kind === "idle" && (
          <ErrorPart title={provider[0]} detail={provider[1]} />
        )}
        {attempt.kind === "failed" && <LoginFailure error={attempt.error} way={attempt.way} />}
        {isLinkPending ? (
          <p className={styles.words} role="status">
            The console is checking your login link.
          </p>
        ) : (
          <>
            {options.data?.oidc !== undefined && (
              <ProviderButton name={options.data.oidc.name} next={next} />
            )}
            {options.data?.password === true && (
              <PasswordForm
                attempt={attempt}
                onSubmit={(name, password) => logIn({ kind: "password", body: { name, password } })}
              />
            )}
            {options.isPending ? (
              <Skeleton heightPx={160} />
            ) : (
              <LinkPart
                isFolded={others}
                onToken={(token) => logIn({ kind: "link", body: { token } })}
              />
            )}
          </>
        )}
      </div>
    </main>
  );
}

/** Not a fetch: the browser itself has to go to the provider and come back. */
function ProviderButton({ name, next }: { readonly name: string; readonly next: string }) {
  return (
    <a className={styles.provider} href={`/api/v1/login/oidc?next=${encodeURIComponent(next)}`}>
      <KeyRound size={16} aria-hidden="true" /> Sign in with {name}
    </a>
  );
}

function PasswordForm({
  attempt,
  onSubmit,
}: {
  readonly attempt: Attempt;
  readonly onSubmit: (name: string, password: string) => void;
}) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [name, password] = [form.get("name"), form.get("password")];
    if (typeof name === "string" && typeof password === "string") onSubmit(name, password);
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <label htmlFor="name">Name</label>
      <input
        id="name"
        name="name"
        required
        maxLength={128}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
      />
      <PasswordField id="password" label="Password" autoComplete="current-password" />
      <Button
        type="submit"
        kind="primary"
        size="large"
        isWide
        isPending={attempt.kind === "pending" && attempt.way === "password"}
      >
        Log in
      </Button>
    </form>
  );
}

function LinkPart({
  isFolded,
  onToken,
}: {
  readonly isFolded: boolean;
  readonly onToken: (token: string) => void;
}) {
  if (!isFolded) return <LinkForm onToken={onToken} />;
  return (
    <details className={styles.more}>
      <summary>Use a one-time login link</summary>
      <div className={styles.folded}>
        <LinkForm onToken={onToken} />
      </div>
    </details>
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
        A one-time link logs in the local admin. <code>npm start</code> prints one when the mesh is
        ready; on the machine it runs on this command makes another:
      </p>
      <CodeLine command="npx heddle login" />
      <form className={styles.form} onSubmit={submit}>
        <label htmlFor="link">Login link</label>
        <input
          id="link"
          name="link"
          className={styles.mono}
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
          Log in by link
        </Button>
      </form>
    </>
  );
}
