import type { ProxyResourceKind, ProxyState, SyncState } from "@heddle/contracts";
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

/** How the resources of one kind stand, without regard to the connection. */
export function viewOfSync(sync: SyncState): SyncView {
  return VIEWS[sync];
}

/** What a proxy is handed, in words. */
export const KIND_WORDS: Readonly<
  Record<
    ProxyResourceKind,
    { readonly name: string; readonly short: string; readonly words: string }
  >
> = {
  service: {
    name: "Routes and clusters",
    short: "routes",
    words: "How to reach the services its workloads call.",
  },
  endpoints: {
    name: "Endpoints",
    short: "endpoints",
    words: "The live addresses of those services.",
  },
  workload: {
    name: "Inbound rules",
    short: "inbound",
    words: "What holds for requests to its own workloads.",
  },
  trust: { name: "Trust", short: "trust", words: "Whose certificates to believe." },
  names: { name: "Names", short: "names", words: "Which names are the mesh's." },
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

/** It runs all it should. NOT SENT is no fault: such a proxy has called nobody yet. */
export function isInStep({ connected, sync }: ProxyState): boolean {
  return connected && (sync === "SYNCED" || sync === "NOT SENT");
}

/** Worst first, then by name. */
export function sortProxies<Proxy extends ProxyState>(proxies: readonly Proxy[]): Proxy[] {
  return [...proxies].sort(
    (a, b) => compareStatus(syncView(a).status, syncView(b).status) || a.name.localeCompare(b.name),
  );
}

export interface ProxyFilter {
  readonly text: string;
  /** A state as it is written, `disconnected`, or `skew`: a warning stands on it; absent: all. */
  readonly state: string | undefined;
}

/** Proxies whose name, id, version, workloads or refusal hold every word, in the wanted state. */
export function filterProxies<Proxy extends ProxyState>(
  proxies: readonly Proxy[],
  { text, state }: ProxyFilter,
): Proxy[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return proxies.filter((proxy) => {
    if (state !== undefined && !isInState(proxy, state)) return false;
    const { name, proxyId, version, workloads, lastNack = "" } = proxy;
    const haystack = [name, proxyId, version, ...workloads, lastNack].join(" ").toLowerCase();
    return words.every((word) => haystack.includes(word));
  });
}

function isInState(proxy: ProxyState, state: string): boolean {
  if (state === "disconnected") return !proxy.connected;
  if (state === "skew") return (proxy.warnings?.length ?? 0) > 0;
  return proxy.sync === state;
}
