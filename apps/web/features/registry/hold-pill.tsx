"use client";

import Link from "next/link";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "./hold-pill.module.css";
import { useHolds } from "./use-holds.ts";

/** In the top bar of every page while the registry asks: how many answers it waits for, and the way there. */
export function HoldPill() {
  const asking = useHolds().data?.holds.filter(({ dismissed }) => dismissed === undefined);
  if (asking === undefined || asking.length === 0) return null;
  const words = `${asking.length} held`;
  const services = asking.map(({ service }) => service).join(", ");
  return (
    <Link
      href="/overview#holds"
      className={styles.pill}
      title={`The registry would let endpoints go of ${services}, and asks`}
      aria-label={words}
    >
      <StatusGlyph status="degraded" isBesideWord />
      <span className={styles.wide}>{words}</span>
      <span className={styles.narrow}>{asking.length}</span>
    </Link>
  );
}
