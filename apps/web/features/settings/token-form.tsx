"use client";

import type { Grant, MeResponse } from "@heddle/contracts";
import { beyond } from "@heddle/mesh";
import { type FormEvent, useState } from "react";
import { grantsOf } from "../../lib/queries/use-me.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Select } from "../../ui/select.tsx";
import { grantsFault, grantWords } from "./grant-words.ts";
import { GrantsEditor } from "./grants-editor.tsx";
import styles from "./settings.module.css";
import { useCreateApiToken } from "./settings-queries.ts";

const DAY_SECONDS = 86_400;
const LIVES = [
  { value: "1", label: "1 day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "365 days" },
] as const;

/** A token of one's own, at most as mighty as oneself. */
export function TokenForm({
  me,
  onMade,
  onClose,
}: {
  readonly me: MeResponse;
  readonly onMade: (secret: string) => void;
  readonly onClose: () => void;
}) {
  const create = useCreateApiToken();
  const [name, setName] = useState("");
  const [days, setDays] = useState<(typeof LIVES)[number]["value"]>("90");
  const [grants, setGrants] = useState<readonly Grant[]>(() => [
    { namespace: grantsOf(me)[0]?.namespace ?? "*", role: "viewer" },
  ]);
  const [isTried, setIsTried] = useState(false);
  const fault = faultOf(name, grants, me);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setIsTried(true);
    if (fault !== undefined) return;
    create.mutate(
      { name: name.trim(), grants, ttlSeconds: Number(days) * DAY_SECONDS },
      { onSuccess: ({ secret }) => onMade(secret) },
    );
  };
  const flags = grants.map((one) => ` --grant ${one.role}@${one.namespace}`).join("");
  return (
    <form className={styles.panel} onSubmit={submit} noValidate>
      {create.isError && <ErrorPart title="No token was made" detail={create.error.message} />}
      <div className={styles.fields}>
        <label className={styles.field}>
          What uses it
          <input
            className={styles.input}
            value={name}
            autoFocus
            maxLength={100}
            autoComplete="off"
            placeholder="deploys of shop"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <span className={styles.field}>
          Good for
          <Select label="Good for" choices={LIVES} value={days} onChange={setDays} />
        </span>
      </div>
      <GrantsEditor grants={grants} onChange={setGrants} />
      {isTried && fault !== undefined && (
        <p className={styles.fault} role="alert">
          {fault}
        </p>
      )}
      <div className={styles.acts}>
        <Button type="submit" kind="primary" isPending={create.isPending}>
          Make the token
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
      <CodeLine
        command={`heddle api-token create "${name.trim() || "NAME"}"${flags} --ttl ${days}d`}
      />
    </form>
  );
}

function faultOf(name: string, grants: readonly Grant[], me: MeResponse): string | undefined {
  if (name.trim() === "") return "Name the token after what uses it.";
  if (grants.length === 0) return "A token needs at least one role.";
  const [over] = beyond(grants, grantsOf(me));
  return (
    grantsFault(grants) ??
    (over && `You cannot hand on ${grantWords(over)}: you do not have it yourself.`)
  );
}
