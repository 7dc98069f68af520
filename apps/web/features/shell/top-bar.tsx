"use client";
import { CircleHelp, Layers, Moon, Search, Sun } from "lucide-react";
import Link from "next/link";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { formatClock } from "../../lib/times.ts";
import { IconButton } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { HeddleMark } from "../../ui/heddle-mark.tsx";
import { Kbd } from "../../ui/kbd.tsx";
import { Select } from "../../ui/select.tsx";
import { PushPill } from "../pushes/push-pill.tsx";
import { HoldPill } from "../registry/hold-pill.tsx";
import { LivePill } from "./live-pill.tsx";
import { findPage, subjectOf } from "./pages.ts";
import { toggleTheme, useTheme } from "./theme.ts";
import styles from "./top-bar.module.css";
import { UserMenu } from "./user-menu.tsx";

/** Where one is, the search, how live it is, the time, the theme, and who one is. */
export function TopBar({
  pathname,
  onPalette,
  onKeys,
}: {
  readonly pathname: string;
  readonly onPalette: () => void;
  readonly onKeys: () => void;
}) {
  return (
    <header className={styles.bar}>
      <span className={styles.mark}>
        <HeddleMark />
      </span>
      <Namespaces />
      <Crumbs pathname={pathname} />
      <button type="button" className={styles.search} onClick={onPalette}>
        <Search size={15} aria-hidden="true" />
        <span>Find a service, or type an act</span>
        <Kbd>Ctrl K</Kbd>
      </button>
      <div className={styles.right}>
        <PushPill />
        <HoldPill />
        <LivePill />
        <Clock />
        <span className={styles.keys}>
          <IconButton
            size="toolbar"
            label="Show all keys"
            icon={<CircleHelp size={16} />}
            onClick={onKeys}
          />
        </span>
        <ThemeSwitch />
        <span className={styles.narrowSearch}>
          <IconButton label="Find" icon={<Search size={18} />} onClick={onPalette} />
        </span>
        <UserMenu />
      </div>
    </header>
  );
}

/** Narrows the page to one namespace (`?ns=`); with only one namespace there is nothing to choose. */
function Namespaces() {
  const { data } = useWorkloads();
  const router = useRouter();
  const pathname = usePathname();
  const search = useSearchParams();
  const names = [...new Set(data?.workloads.map((one) => one.namespace))].sort();
  if (names.length < 2) {
    return (
      <span className={styles.namespace}>
        <Layers size={15} aria-hidden="true" />
        {names[0] ?? "default"}
      </span>
    );
  }
  const choose = (value: string) => {
    const next = new URLSearchParams(search);
    if (value === "") next.delete("ns");
    else next.set("ns", value);
    router.replace(next.size === 0 ? pathname : `${pathname}?${next}`, { scroll: false });
  };
  return (
    <Select
      label="Namespace"
      isQuiet
      icon={<Layers size={15} aria-hidden="true" />}
      choices={[
        { value: "", label: "All namespaces" },
        ...names.map((name) => ({ value: name, label: name })),
      ]}
      value={search.get("ns") ?? ""}
      onChange={choose}
    />
  );
}

function Crumbs({ pathname }: { readonly pathname: string }) {
  const page = findPage(pathname);
  const subject = subjectOf(pathname);
  if (page === undefined) return <span className={styles.crumbs} />;
  return (
    <nav className={styles.crumbs} aria-label="Where you are">
      <span aria-hidden="true">/</span>
      {subject === undefined ? (
        <b>{page.title}</b>
      ) : (
        <>
          <Link href={page.path}>{page.title}</Link>
          <span aria-hidden="true">/</span>
          <b>{subject}</b>
        </>
      )}
    </nav>
  );
}

function Clock() {
  const nowMs = useNowMs();
  return (
    <span className={styles.clock} title="All times are in UTC">
      {nowMs !== undefined && <time suppressHydrationWarning>{formatClock(nowMs)}</time>}
      <span className={styles.zone}>UTC</span>
    </span>
  );
}

function ThemeSwitch() {
  const theme = useTheme();
  return (
    <IconButton
      size="toolbar"
      label={theme === "dark" ? "Use light colours" : "Use dark colours"}
      icon={theme === "dark" ? <Sun size={16} /> : <Moon size={16} />}
      onClick={toggleTheme}
    />
  );
}
