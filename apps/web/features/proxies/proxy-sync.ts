import type { ProxyState } from "@heddle/contracts";
import { compareStatus, type Status } from "../../ui/status.ts";

/** How a proxy's state is shown, and what it means in one sentence. */
export interface SyncView {
  readonly status: Status;
  readonly word: string;
  readonly words: string;
}

const VIEWS: Readonly<Record<ProxyState["sync"], SyncView>> = {
  SYNCED: { status: "healthy", word: "SYNCED", words: "It runs all that was sent to it." },
  STALE: {
    status: "degraded",
    word: "STALE",
    words: "It was sent a newer revision and has not answered yet; it serves the one it acked.",
  },
  "NOT SENT": {
    status: "idle",
    word: "NOT SENT",
    words: "Nothing has been sent to it yet: it has called no destination.",
  },
  ERROR: {
    status: "failing",
    word: "ERROR",
    words: "It refused what was sent and serves the revision it acked before.",
  },
};

/** A proxy without connection serves on with what it has; that outweighs what it last said. */
export function syncView(proxy: ProxyState): SyncView {
  if (proxy.connected) return VIEWS[proxy.sync];
  return {
    status: "unknown",
    word: `${proxy.sync}, disconnected`,
    words: "No connection to the control plane; it serves on with the revision it acked.",
  };
}

/** Worst first, then by name. */
export function sortProxies(proxies: readonly ProxyState[]): ProxyState[] {
  return [...proxies].sort(
    (a, b) => compareStatus(syncView(a).status, syncView(b).status) || a.name.localeCompare(b.name),
  );
}
