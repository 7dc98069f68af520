import type { ProxyState } from "@heddle/contracts";
import { StatusPill } from "../../ui/status-pill.tsx";
import { Tooltip } from "../../ui/tooltip.tsx";
import { syncView } from "./proxy-sync.ts";

/** SYNCED, STALE, NOT SENT or ERROR, with its sentence on hover and focus. */
export function SyncPill({ proxy }: { readonly proxy: ProxyState }) {
  const { status, word, words } = syncView(proxy);
  return (
    <Tooltip text={words}>
      <span tabIndex={0}>
        <StatusPill status={status}>{word}</StatusPill>
      </span>
    </Tooltip>
  );
}
