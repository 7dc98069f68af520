"use client";

import type { Grant, SetupLinkResponse } from "@heddle/contracts";
import { type FormEvent, useState } from "react";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { grantsFault } from "./grant-words.ts";
import { GrantsEditor } from "./grants-editor.tsx";
import styles from "./settings.module.css";
import { useCreateUser } from "./settings-queries.ts";

/** A new local user: a name and roles; the password is the user's own business. */
export function UserForm({
  onMade,
  onClose,
}: {
  readonly onMade: (link: SetupLinkResponse) => void;
  readonly onClose: () => void;
}) {
  const create = useCreateUser();
  const [name, setName] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [grants, setGrants] = useState<readonly Grant[]>([{ namespace: "*", role: "viewer" }]);
  const [isTried, setIsTried] = useState(false);
  const fault = name.trim() === "" ? "Give the user a name." : grantsFault(grants);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setIsTried(true);
    if (fault !== undefined) return;
    const shown = displayName.trim();
    const user = { name: name.trim().toLowerCase(), grants: [...grants] };
    create.mutate(shown === "" ? user : { ...user, displayName: shown }, { onSuccess: onMade });
  };
  const command = `heddle user create ${name.trim() || "NAME"}${grants.map((one) => ` --grant ${one.role}@${one.namespace}`).join("")}`;
  return (
    <form className={styles.panel} onSubmit={submit} noValidate>
      {create.isError && <ErrorPart title="No user was made" detail={create.error.message} />}
      <div className={styles.fields}>
        <label className={styles.field}>
          Name
          <input
            className={styles.input}
            value={name}
            autoFocus
            maxLength={128}
            autoCapitalize="none"
            spellCheck={false}
            autoComplete="off"
            placeholder="ada"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <label className={styles.field}>
          Full name (optional)
          <input
            className={styles.input}
            value={displayName}
            maxLength={200}
            autoComplete="off"
            onChange={(event) => setDisplayName(event.target.value)}
          />
        </label>
      </div>
      <GrantsEditor grants={grants} onChange={setGrants} />
      {isTried && fault !== undefined && (
        <p className={styles.fault} role="alert">
          {fault}
        </p>
      )}
      <div className={styles.acts}>
        <Button type="submit" kind="primary" isPending={create.isPending}>
          Make the user and a setup link
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
      <CodeLine command={command} />
    </form>
  );
}
