"use client";
import { useMe } from "../../lib/queries/use-me.ts";
import { formatStamp } from "../../lib/times.ts";
import { Popover } from "../../ui/popover.tsx";
import styles from "./user-menu.module.css";

/** Who is logged in, with which role and until when; and the way out. */
export function UserMenu() {
  const me = useMe();
  if (me === undefined) return <span className={styles.place} />;
  return (
    <Popover
      label="Your account"
      align="end"
      isQuiet
      button={
        <span className={styles.badge} title={`${me.name}, ${me.role}`}>
          <span className="visually-hidden">Account of </span>
          <span aria-hidden="true">{initialsOf(me.name)}</span>
          <span className="visually-hidden">{me.name}</span>
        </span>
      }
    >
      <p className={styles.name}>{me.name}</p>
      <p className={styles.role}>
        {me.role}; logged in until {formatStamp(me.expiresAtMs)}
      </p>
      <form method="post" action="/api/v1/logout">
        <button type="submit" className={styles.out}>
          Log out
        </button>
      </form>
    </Popover>
  );
}

function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => word[0]) : [name.slice(0, 2)];
  return letters.join("").toUpperCase();
}
