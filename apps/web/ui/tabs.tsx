"use client";
import Link from "next/link";
import { useEffect, useRef } from "react";
import styles from "./tabs.module.css";

export type Tab = {
  readonly href: string;
  readonly label: string;
  /** How many things are behind it; `undefined`: not counted, or not known yet. */
  readonly count?: number | undefined;
  /** The count asks for a look: amber and bold. */
  readonly isWarning?: boolean | undefined;
  readonly isHere: boolean;
};

/** The parts of a page, each with an address of its own. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  const bar = useRef<HTMLElement>(null);
  const here = tabs.find(({ isHere }) => isHere)?.href;
  const counted = tabs.filter(({ count }) => count !== undefined).length; // a count makes its tab wider
  // On a phone the bar scrolls; the tab one is on must be in it.
  useEffect(() => {
    if (here === undefined) return;
    const tab = bar.current?.querySelector<HTMLElement>("[aria-current]");
    tab?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [here, counted]);
  return (
    <nav ref={bar} aria-label={label} className={styles.tabs}>
      {tabs.map((tab) => (
        <Link
          key={tab.href}
          href={tab.href}
          scroll={false}
          className={styles.tab}
          aria-current={tab.isHere ? "page" : undefined}
        >
          {tab.label}
          {tab.count !== undefined && (
            <span className={tab.isWarning ? styles.warning : undefined}>{tab.count}</span>
          )}
        </Link>
      ))}
    </nav>
  );
}
