"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { type ReactNode, Suspense, useState } from "react";
import { classNames } from "../../ui/class-names.ts";
import { HeddleMark } from "../../ui/heddle-mark.tsx";
import styles from "./app-shell.module.css";
import { CommandPalette } from "./command-palette.tsx";
import { KeysDialog } from "./keys-dialog.tsx";
import { MorePages } from "./more-pages.tsx";
import { findPage, PAGES } from "./pages.ts";
import { useShellKeys } from "./shell-keys.ts";
import { TopBar } from "./top-bar.tsx";

/** Rail, top bar and the page between them; login and setup stand alone. */
export function AppShell({ children }: { readonly children: ReactNode }) {
  const pathname = usePathname();
  if (pathname === "/login" || pathname === "/setup") return children;
  return (
    <Suspense>
      <Shell pathname={pathname}>{children}</Shell>
    </Suspense>
  );
}

function Shell({
  pathname,
  children,
}: {
  readonly pathname: string;
  readonly children: ReactNode;
}) {
  const [isPaletteOpen, setIsPaletteOpen] = useState(false);
  const [areKeysShown, setAreKeysShown] = useState(false);
  useShellKeys({
    onPalette: () => setIsPaletteOpen(true),
    onKeys: () => setAreKeysShown(true),
  });
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#page">
        Skip to the page
      </a>
      <nav className={styles.rail} aria-label="Pages">
        <Link href="/overview" className={styles.mark} aria-label="Heddle, overview">
          <HeddleMark />
        </Link>
        <Pages pathname={pathname} />
        <MorePages key={pathname} pathname={pathname} />
      </nav>
      <TopBar
        pathname={pathname}
        onPalette={() => setIsPaletteOpen(true)}
        onKeys={() => setAreKeysShown(true)}
      />
      <main id="page" className={styles.page} tabIndex={-1}>
        {children}
      </main>
      {isPaletteOpen && <CommandPalette onClose={() => setIsPaletteOpen(false)} />}
      {areKeysShown && <KeysDialog onClose={() => setAreKeysShown(false)} />}
    </div>
  );
}

function Pages({ pathname }: { readonly pathname: string }) {
  const here = findPage(pathname);
  return PAGES.map((page) => (
    <Link
      key={page.path}
      href={page.path}
      aria-current={page === here ? "page" : undefined}
      className={classNames(
        styles.place,
        page === here && styles.here,
        page.isAside === true && styles.aside,
        page.isInBar !== true && styles.wideOnly,
      )}
    >
      <page.icon size={18} strokeWidth={1.75} aria-hidden="true" />
      {page.title}
    </Link>
  ));
}
