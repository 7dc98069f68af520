"use client";

import { allows } from "@heddle/mesh";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { grantsOf, useMe } from "../../lib/queries/use-me.ts";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { useLivePage } from "../session/use-live-page.ts";

const TABS = [
  { href: "/settings", label: "Account" },
  { href: "/settings/users", label: "Users" },
  { href: "/settings/roles", label: "Roles & access" },
  { href: "/settings/tokens", label: "API tokens" },
  { href: "/settings/sessions", label: "Sessions" },
  { href: "/settings/audit", label: "Audit log" },
] as const;

/** Title and tabs of the settings; each tab is a page of its own. */
export function SettingsFrame({ children }: { readonly children: ReactNode }) {
  const pathname = usePathname();
  useLivePage();
  return (
    <PageFrame title="Settings">
      <Tabs
        label="Parts of Settings"
        tabs={TABS.map((tab) => ({ ...tab, isHere: pathname === tab.href }))}
      />
      {children}
    </PageFrame>
  );
}

/** Whether one decides who else comes in; `undefined` until it is known. */
export function useIsAdmin(): boolean | undefined {
  const me = useMe();
  return me && allows(grantsOf(me), "admin", "*");
}
