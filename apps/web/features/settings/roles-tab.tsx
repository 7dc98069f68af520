"use client";

import type { Grant, Role } from "@heddle/contracts";
import { roleOn } from "@heddle/mesh";
import { grantsOf, useMe } from "../../lib/queries/use-me.ts";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { ROLE_WORDS } from "./grant-words.ts";
import styles from "./settings.module.css";
import { useIsAdmin } from "./settings-frame.tsx";
import { useUsers } from "./settings-queries.ts";

const ROLES = ["viewer", "operator", "admin"] as const;

/** What each role may do, and who holds which where. */
export function RolesTab() {
  return (
    <>
      <Card title="What a role may do" caption="each includes those before it" isFlush>
        <Table label="Roles">
          <thead>
            <tr>
              <Th>Role</Th>
              <Th>May</Th>
            </tr>
          </thead>
          <tbody>
            {ROLES.map((role) => (
              <Tr key={role}>
                <Td>
                  <RoleChip role={role} />
                </Td>
                <Td className={styles.wrap}>{ROLE_WORDS[role]}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      </Card>
      <WhoHoldsWhat />
    </>
  );
}

function WhoHoldsWhat() {
  const me = useMe();
  const isAdmin = useIsAdmin();
  const users = useUsers(isAdmin === true);
  const { data: registry } = useWorkloads();
  if (me === undefined || (isAdmin === true && users.isPending)) {
    return (
      <Card title="Who may do what, where">
        <Skeleton heightPx={120} />
      </Card>
    );
  }
  const known: readonly { readonly name: string; readonly grants: readonly Grant[] }[] =
    users.data?.users.filter(({ isDisabled }) => !isDisabled) ?? [];
  const people = known.some(({ name }) => name === me.name)
    ? known
    : [{ name: me.name, grants: grantsOf(me) }, ...known];
  const namespaces = [
    ...new Set([
      ...(registry?.workloads.map(({ namespace }) => namespace) ?? []),
      ...people.flatMap(({ grants }) => grants.map(({ namespace }) => namespace)),
    ]),
  ]
    .filter((namespace) => namespace !== "*")
    .sort();
  return (
    <Card
      title="Who may do what, where"
      caption={isAdmin === true ? "effective roles; change them under Users" : "your own roles"}
      isFlush
    >
      {users.isError && (
        <ErrorPart
          title="The users are missing"
          detail={users.error.message}
          onRetry={() => void users.refetch()}
        />
      )}
      <Table label="Roles by person and namespace">
        <thead>
          <tr>
            <Th>Person</Th>
            <Th>Whole mesh</Th>
            {namespaces.map((namespace) => (
              <Th key={namespace}>{namespace}</Th>
            ))}
          </tr>
        </thead>
        <tbody>
          {people.map(({ name, grants }) => (
            <Tr key={name}>
              <Td>
                <b className={styles.name}>{name}</b>
                {name === me.name && <span className={styles.quiet}> you</span>}
              </Td>
              {["*", ...namespaces].map((namespace) => (
                <Td key={namespace}>
                  <RoleChip role={roleOn(grants, namespace)} />
                </Td>
              ))}
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

const TONES = { viewer: "neutral", operator: "tcp", admin: "accent" } as const;

function RoleChip({ role }: { readonly role: Role | undefined }) {
  if (role === undefined) return <span className={styles.quiet}>none</span>;
  return <Chip tone={TONES[role]}>{role}</Chip>;
}
