"use client";

import { SetupCheckResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { postJson } from "../../lib/api-client.ts";
import { ApiError } from "../../lib/api-error.ts";
import { formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { HeddleMark } from "../../ui/heddle-mark.tsx";
import { LoginFailure } from "./login-failure.tsx";
import styles from "./login-page.module.css";
import { passwordFaultOf } from "./password-fault.ts";
import { PasswordField } from "./password-field.tsx";
import { useLogin } from "./use-login.ts";

/**
 * A new user's first step. The link's token stands behind the `#`, which browsers send to no server; it is taken out
 * of the address at once.
 */
export function SetupPage() {
  const token = useTokenOfAddress();
  const link = useQuery({
    queryKey: ["setup", token],
    queryFn: () => postJson("/setup/check", { token }, SetupCheckResponse),
    enabled: token !== undefined,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const failure = link.error instanceof ApiError ? link.error : undefined;
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>
          <HeddleMark /> Heddle
        </p>
        <h1>{link.data === undefined ? "Set up your account" : `Welcome, ${link.data.name}`}</h1>
        {token === "" && (
          <p className={styles.words}>
            Open the whole setup link that an admin gave you: its part after # is missing here.
          </p>
        )}
        {failure !== undefined && <LoginFailure error={failure} way="setup" />}
        {(token === undefined || link.isLoading) && (
          <p className={styles.words} role="status">
            The console is checking your setup link.
          </p>
        )}
        {token !== undefined && link.data !== undefined && (
          <SetupForm token={token} name={link.data.name} expiresAtMs={link.data.expiresAtMs} />
        )}
      </div>
    </main>
  );
}

function SetupForm({
  token,
  name,
  expiresAtMs,
}: {
  readonly token: string;
  readonly name: string;
  readonly expiresAtMs: number;
}) {
  const { attempt, logIn } = useLogin("/");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [isTried, setIsTried] = useState(false);
  const fault = passwordFaultOf(password, again, name);
  const told =
    attempt.kind === "failed" && attempt.error.status === 400
      ? attempt.error.fields[0]?.message
      : undefined;
  const shownFault = isTried ? (fault ?? told) : undefined;
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setIsTried(true);
    if (fault === undefined) logIn({ kind: "setup", body: { token, password } });
  };
  return (
    <>
      {attempt.kind === "failed" && attempt.error.status !== 400 && (
        <LoginFailure error={attempt.error} way="setup" />
      )}
      <p className={styles.words}>
        Choose a password of at least 12 characters; a few words do well. This link is good until{" "}
        {formatStamp(expiresAtMs)}.
      </p>
      <form className={styles.form} onSubmit={submit} noValidate>
        <input type="hidden" name="username" autoComplete="username" value={name} readOnly />
        <PasswordField
          id="password"
          label="Password"
          autoComplete="new-password"
          value={password}
          onChange={setPassword}
          isInvalid={shownFault !== undefined}
          describedBy={shownFault === undefined ? undefined : "password-fault"}
        />
        <PasswordField
          id="again"
          label="Password again"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
        />
        {shownFault !== undefined && (
          <p id="password-fault" className={styles.fault} role="alert">
            {shownFault}
          </p>
        )}
        <Button
          type="submit"
          kind="primary"
          size="large"
          isWide
          isPending={attempt.kind === "pending"}
        >
          Set password and log in
        </Button>
      </form>
    </>
  );
}

/** `undefined` until it is known, `""`: there is none. */
function useTokenOfAddress(): string | undefined {
  const [token, setToken] = useState<string>();
  useEffect(() => {
    const found = new URLSearchParams(window.location.hash.slice(1)).get("token");
    setToken((known) => found ?? known ?? "");
    if (found !== null) window.history.replaceState(null, "", window.location.pathname);
  }, []);
  return token;
}
