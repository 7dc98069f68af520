"use client";
import Link from "next/link";
import { initialsOf } from "../../lib/initials.ts";
import { grantsOf, useMe } from "../../lib/queries/use-me.ts";
import { formatStamp } from "../../lib/times.ts";
import { Popover } from "../../ui/popover.tsx";
import styles from "./user-menu.module.css";

const MOST_SHOWN = 4;

/** Who is logged in, with which roles and until when; the settings, and the way out. */
export function UserMenu() {
  const me = useMe();
  if (me === undefined) return <span className={styles.place} />;
  const grants = grantsOf(me).map(
    ({ namespace, role }) => `${role} on ${namespace === "*" ? "the whole mesh" : namespace}`,
  );
  const more = grants.length - MOST_SHOWN;
  return (
    <Popover
      label="Your account"
      align="end"
      isQuiet
      button={
        <span className={styles.badge} title={`${me.name}, ${grants.join(", ") || "no role"}`}>
          <span className="visually-hidden">Account of </span>
          <span aria-hidden="true">{initialsOf(me.name)}</span>
          <span className="visually-hidden">{me.name}</span>
        </span>
      }
    >
      {(close) => (
        <>
          <p className={styles.name}>{me.name}</p>
          {grants.slice(0, MOST_SHOWN).map((grant) => (
            <p key={grant} className={styles.role}>
              {grant}
            </p>
          ))}
          {grants.length === 0 && <p className={styles.role}>no role yet: ask an admin</p>}
          {more > 0 && <p className={styles.role}>and {more} more</p>}
          <p className={styles.role}>logged in until {formatStamp(me.expiresAtMs)}</p>
          <Link className={styles.link} href="/settings" onClick={close}>
            Settings
          </Link>
          <form method="post" action="/api/v1/logout">
            <button type="submit" className={styles.out}>
              Log out
            </button>
          </form>
        </>
      )}
    </Popover>
  );
}
