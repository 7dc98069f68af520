import { ProxyMessage, ProxyState } from "@heddle/contracts";
import { z } from "zod";

/**
 * What the control plane that has a proxy's stream tells the others of it, in the proxy's row: how far it runs
 * the configuration, and its last `observed` and `turned-away`, which are as good at any control plane.
 */
export const ProxyReport = z.object({
  status: ProxyState.pick({
    sync: true,
    sinceMs: true,
    sentRevision: true,
    ackedRevision: true,
    lastNack: true,
  }),
  said: z.array(ProxyMessage).max(2),
});
export type ProxyReport = z.infer<typeof ProxyReport>;

/** `undefined`: none, or one of another version that this one does not understand. */
export function parseReport(stored: unknown): ProxyReport | undefined {
  return ProxyReport.safeParse(stored).data;
}
