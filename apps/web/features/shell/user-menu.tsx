"use client";
import { MeResponse } from "@heddle/contracts";
import { useQuery } from "@tanstack/react-query";
import { getJson } from "../../lib/api-client.ts";
import { formatStamp } from "../../lib/times.ts";
import { Popover } from "../../ui/popover.tsx";
import styles from "./user-menu.module.css";

export const meQuery = {
  queryKey: ["me"],
  queryFn: ({ signal }: { signal: AbortSignal }) => getJson("/me", MeResponse, signal),
  staleTime: 60_000,
};

/** Who is logged in, with which role and until when; and the way out. */
export function UserMenu() {
  const { data: me } = useQuery(meQuery);
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
  const letters =
    words.length > 1 ? words.slice(0, 2).map((word) => word[0]) : [...name].slice(0, 2);
  return letters.join("").toUpperCase();
}
