"use client";

import type { SetupLinkResponse } from "@heddle/contracts";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Table, Th } from "../../ui/table.tsx";
import { ForbiddenPart } from "./forbidden-part.tsx";
import { OnceShown } from "./once-shown.tsx";
import styles from "./settings.module.css";
import { useIsAdmin } from "./settings-frame.tsx";
import { useUsers } from "./settings-queries.ts";
import { UserForm } from "./user-form.tsx";
import { UserRow } from "./user-row.tsx";

/** Who may come in: everybody with their roles, and a new one by a setup link. */
export function UsersTab() {
  const isAdmin = useIsAdmin();
  const users = useUsers(isAdmin === true);
  const [isAdding, setIsAdding] = useState(false);
  const [link, setLink] = useState<SetupLinkResponse>();
  const [open, setOpen] = useState<string>();
  if (isAdmin !== true) {
    return (
      <Card title="Users">
        <ForbiddenPart isKnown={isAdmin === false} what="Users are made by admins." />
      </Card>
    );
  }
  return (
    <Card
      title="Users"
      caption={users.data && formatCounted(users.data.users.length, "user")}
      actions={
        <Button
          size="toolbar"
          kind="primary"
          icon={<UserPlus size={14} />}
          aria-expanded={isAdding}
          onClick={() => setIsAdding(!isAdding)}
        >
          Add a user
        </Button>
      }
      isFlush
    >
      {isAdding && (
        <UserForm
          onMade={(made) => {
            setLink(made);
            setIsAdding(false);
          }}
          onClose={() => setIsAdding(false)}
        />
      )}
      {link !== undefined && <SetupLink link={link} onDone={() => setLink(undefined)} />}
      {users.isError && (
        <ErrorPart
          title="The users are missing"
          detail={users.error.message}
          onRetry={() => void users.refetch()}
        />
      )}
      {users.isPending && <Skeleton heightPx={160} />}
      {users.data?.users.length === 0 && !isAdding && link === undefined && (
        <EmptyState>
          Nobody but the local admin comes in yet. Add a user, or set up a login provider.
        </EmptyState>
      )}
      {users.data !== undefined && users.data.users.length > 0 && (
        <Table label="Users">
          <thead>
            <tr>
              <Th>Name</Th>
              <Th>Roles</Th>
              <Th className={styles.wideOnly}>Comes in by</Th>
              <Th className={styles.wideOnly}>Last login</Th>
              <Th isNumber className={styles.wideOnly}>
                Sessions
              </Th>
              <Th>
                <span className="visually-hidden">Acts</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {users.data.users.map((user) => (
              <UserRow
                key={user.name}
                user={user}
                isOpen={open === user.name}
                onOpen={setOpen}
                onLink={setLink}
              />
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}

function SetupLink({
  link,
  onDone,
}: {
  readonly link: SetupLinkResponse;
  readonly onDone: () => void;
}) {
  return (
    <OnceShown
      title={`Setup link of ${link.user.name}`}
      words={`Give it to ${link.user.name} alone: whoever opens it sets the password. It works once, for 24 hours, and is not shown again.`}
      secret={`${window.location.origin}/setup#token=${link.setupToken}`}
      copyLabel="Copy the setup link"
      onDone={onDone}
    />
  );
}
