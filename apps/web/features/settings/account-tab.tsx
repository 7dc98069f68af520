"use client";

import { type FormEvent, useState } from "react";
import { grantsOf, useMe } from "../../lib/queries/use-me.ts";
import { formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useToast } from "../../ui/toast.tsx";
import { leaveSession } from "../session/leave-session.ts";
import { passwordFaultOf } from "../session/password-fault.ts";
import { PasswordField } from "../session/password-field.tsx";
import { GrantChips } from "./grant-chips.tsx";
import styles from "./settings.module.css";
import { useChangePassword } from "./settings-queries.ts";

/** Who one is, what one may do, and one's password. */
export function AccountTab() {
  const me = useMe();
  const [failure, setFailure] = useState<string>();
  const [isLeaving, setIsLeaving] = useState(false);
  if (me === undefined) {
    return (
      <Card title="You">
        <Skeleton heightPx={120} />
      </Card>
    );
  }
  const leave = (everywhere: boolean) => {
    setIsLeaving(true);
    void leaveSession(everywhere).then((why) => {
      setFailure(why);
      setIsLeaving(false);
    });
  };
  return (
    <>
      <Card title="You">
        <dl className={styles.facts}>
          <dt>Name</dt>
          <dd>{me.name}</dd>
          <dt>Roles</dt>
          <dd>
            <GrantChips grants={grantsOf(me)} />
          </dd>
          <dt>Logged in until</dt>
          <dd>{formatStamp(me.expiresAtMs)}, or until nobody has used the console for a while</dd>
        </dl>
        {failure !== undefined && <ErrorPart title="Still logged in" detail={failure} />}
        <div className={styles.acts}>
          <Button isPending={isLeaving} onClick={() => leave(false)}>
            Log out
          </Button>
          <Button isPending={isLeaving} onClick={() => leave(true)}>
            Log out everywhere
          </Button>
        </div>
      </Card>
      {me.hasPassword === true && <PasswordCard name={me.name} />}
    </>
  );
}

function PasswordCard({ name }: { readonly name: string }) {
  const change = useChangePassword();
  const toast = useToast();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [isTried, setIsTried] = useState(false);
  const fault = passwordFaultOf(password, again, name);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setIsTried(true);
    if (fault !== undefined) return;
    change.mutate(
      { current, password },
      {
        onSuccess: () => {
          toast({ text: "Password changed. Your other sessions have ended." });
          for (const clear of [setCurrent, setPassword, setAgain]) clear("");
          setIsTried(false);
        },
      },
    );
  };
  return (
    <Card title="Password" caption="a change ends your other sessions">
      <form className={styles.narrow} onSubmit={submit} noValidate>
        {change.isError && (
          <ErrorPart title="The password was not changed" detail={change.error.message} />
        )}
        <input type="hidden" name="username" autoComplete="username" value={name} readOnly />
        <PasswordField
          id="current"
          label="Password now"
          autoComplete="current-password"
          value={current}
          onChange={setCurrent}
        />
        <PasswordField
          id="new-password"
          label="New password"
          autoComplete="new-password"
          value={password}
          onChange={setPassword}
        />
        <PasswordField
          id="new-again"
          label="New password again"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
        />
        {isTried && fault !== undefined && (
          <p className={styles.fault} role="alert">
            {fault}
          </p>
        )}
        <div className={styles.acts}>
          <Button type="submit" kind="primary" isPending={change.isPending}>
            Change password
          </Button>
        </div>
      </form>
    </Card>
  );
}
