import {
  History,
  LayoutDashboard,
  type LucideIcon,
  Network,
  Route,
  Settings,
  ShieldCheck,
  Split,
  Waypoints,
} from "lucide-react";

export type ConsolePage = {
  readonly path: string;
  readonly title: string;
  readonly icon: LucideIcon;
  /** After G: the key that goes there. */
  readonly key: string;
  /** At the foot of the rail. */
  readonly isAside?: boolean;
  /** One of the four in the bar of narrow screens; its fifth place, More, leads to all others. */
  readonly isInBar?: boolean;
};

/** The pages there are, in the order of the rail. */
export const PAGES: readonly ConsolePage[] = [
  { path: "/overview", title: "Overview", icon: LayoutDashboard, key: "o", isInBar: true },
  { path: "/graph", title: "Graph", icon: Waypoints, key: "g", isInBar: true },
  { path: "/rollouts", title: "Rollouts", icon: Split, key: "r", isInBar: true },
  { path: "/rules", title: "Rules", icon: Route, key: "u" },
  { path: "/security", title: "Security", icon: ShieldCheck, key: "c" },
  { path: "/history", title: "History", icon: History, key: "h", isInBar: true },
  { path: "/proxies", title: "Proxies", icon: Network, key: "p" },
  { path: "/settings", title: "Settings", icon: Settings, key: "e", isAside: true },
];

export function findPage(pathname: string): ConsolePage | undefined {
  return PAGES.find((page) => pathname === page.path || pathname.startsWith(`${page.path}/`));
}

/** What follows the page in the path, in words: `/history/213` → `Revision 213`. */
export function subjectOf(pathname: string): string | undefined {
  const [page, ...rest] = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  if (page === "security") return undefined; // its tabs say where one is
  if (page === "rules" && rest[0] === "review") return "review"; // its id tells nobody anything
  const last = rest.at(-1);
  return last === undefined || page !== "history" ? last : `Revision ${last}`;
}
