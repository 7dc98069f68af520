"use client";

import type { Grant, SetupLinkResponse, UserState } from "@heddle/contracts";
import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Chip } from "../../ui/chip.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Td, Tr } from "../../ui/table.tsx";
import { useToast } from "../../ui/toast.tsx";
import { GrantChips } from "./grant-chips.tsx";
import { grantsFault } from "./grant-words.ts";
import { GrantsEditor } from "./grants-editor.tsx";
import styles from "./settings.module.css";
import {
  useChangeUser,
  useDeleteUser,
  useNewSetupLink,
  useSignOutUser,
} from "./settings-queries.ts";

const COLUMNS = 6;

/** One user; opened, what an admin can do about it. */
export function UserRow({
  user,
  isOpen,
  onOpen,
  onLink,
}: {
  readonly user: UserState;
  readonly isOpen: boolean;
  readonly onOpen: (name: string | undefined) => void;
  readonly onLink: (link: SetupLinkResponse) => void;
}) {
  return (
    <>
      <Tr className={isOpen ? styles.openRow : undefined}>
        <Td>
          <b className={styles.name}>{user.name}</b>{" "}
          {user.displayName !== undefined && (
            <span className={styles.quietWide}>{user.displayName}</span>
          )}{" "}
          {user.isDisabled && <Chip tone="warn">disabled</Chip>}
        </Td>
        <Td>
          <GrantChips grants={user.grants} />
        </Td>
        <Td className={styles.wideOnly}>{wayIn(user)}</Td>
        <Td className={styles.wideOnly}>
          {user.lastLoginAtMs === undefined ? (
            <span className={styles.quiet}>never</span>
          ) : (
            <RelativeTime atMs={user.lastLoginAtMs} />
          )}
        </Td>
        <Td isNumber className={styles.wideOnly}>
          {user.sessions}
        </Td>
        <Td isNumber>
          <button
            type="button"
            className={styles.act}
            aria-expanded={isOpen}
            aria-label={`Change ${user.name}`}
            onClick={() => onOpen(isOpen ? undefined : user.name)}
          >
            Change
          </button>
        </Td>
      </Tr>
      {isOpen && (
        <tr>
          <td colSpan={COLUMNS} className={styles.cell}>
            <UserPanel user={user} onClose={() => onOpen(undefined)} onLink={onLink} />
          </td>
        </tr>
      )}
    </>
  );
}

function UserPanel({
  user,
  onClose,
  onLink,
}: {
  readonly user: UserState;
  readonly onClose: () => void;
  readonly onLink: (link: SetupLinkResponse) => void;
}) {
  const { name, isDisabled, source } = user;
  const toast = useToast();
  const [grants, setGrants] = useState<readonly Grant[]>(user.grants);
  const [isAsked, setIsAsked] = useState(false);
  const change = useChangeUser();
  const remove = useDeleteUser();
  const renew = useNewSetupLink();
  const signOut = useSignOutUser();
  const failed = [change, remove, renew, signOut].find(({ isError }) => isError)?.error;
  const fault = grantsFault(grants);
  const save = () =>
    change.mutate(
      { name, grants: [...grants] },
      {
        onSuccess: () => {
          toast({ text: `Roles of ${name} saved; they hold at once.` });
          onClose();
        },
      },
    );
  return (
    <div className={styles.panel}>
      {failed && <ErrorPart title="Nothing was changed" detail={failed.message} />}
      {source === "local" ? (
        <GrantsEditor grants={grants} onChange={setGrants} />
      ) : (
        <p className={styles.quiet}>
          The roles of {name} come from the login provider at each login.
        </p>
      )}
      {fault !== undefined && <p className={styles.fault}>{fault}</p>}
      {isAsked ? (
        <ConfirmInPlace
          question={`Delete ${name}?`}
          act={`Delete ${name}`}
          keep="Keep the user"
          tone="bad"
          isPending={remove.isPending}
          onAct={() => remove.mutate(name, { onSuccess: onClose })}
          onKeep={() => setIsAsked(false)}
        >
          Sessions and API tokens end at once. What {name} did stays in history and audit log.
        </ConfirmInPlace>
      ) : (
        <div className={styles.acts}>
          {source === "local" && (
            <Button
              kind="primary"
              isPending={change.isPending}
              disabledReason={fault}
              onClick={save}
            >
              Save roles
            </Button>
          )}
          {source === "local" && (
            <Button
              isPending={renew.isPending}
              onClick={() => renew.mutate(name, { onSuccess: onLink })}
            >
              New setup link
            </Button>
          )}
          <Button
            isPending={signOut.isPending}
            disabledReason={user.sessions === 0 ? `${name} is logged in nowhere.` : undefined}
            onClick={() =>
              signOut.mutate(name, {
                onSuccess: () => toast({ text: `${name} is signed out everywhere.` }),
              })
            }
          >
            Sign out everywhere
          </Button>
          <Button onClick={() => change.mutate({ name, isDisabled: !isDisabled })}>
            {isDisabled ? "Enable" : "Disable"}
          </Button>
          <Button kind="danger-soft" onClick={() => setIsAsked(true)}>
            Delete
          </Button>
        </div>
      )}
    </div>
  );
}

function wayIn({ source, hasPassword, setupEndsAtMs }: UserState): string {
  if (source === "oidc") return "login provider";
  if (hasPassword) return "password";
  return setupEndsAtMs === undefined ? "nothing yet: link expired" : "setup link, not used yet";
}
