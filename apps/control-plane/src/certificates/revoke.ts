import { type RevocationTarget, revokeCertificates } from "@heddle/store";
import type { ApiParts } from "../api/parts.ts";

type RevokeParts = Pick<
  ApiParts,
  "db" | "keeper" | "ledger" | "registry" | "hub" | "putOut" | "feed" | "logger"
>;

/**
 * Takes certificates back: written down, then told to every proxy at once. Who keeps its place in the mesh gets
 * new ones; proxies that are put out lose their streams and their instances.
 */
export async function revoke(
  { db, keeper, ledger, registry, hub, putOut, feed, logger }: RevokeParts,
  target: RevocationTarget,
  said: { readonly by: string; readonly reason: string },
): Promise<{ certificatesRevoked: number; proxiesDisconnected: number }> {
  await ledger.flush(); // one that was issued a moment ago, too
  const revoked = await revokeCertificates(db, target, said);
  await keeper().revoked();
  logger.warn({ target, certificates: revoked.length, by: said.by }, "certificates revoked");
  let proxiesDisconnected = 0;
  if ("proxyIds" in target) {
    for (const proxyId of target.proxyIds) {
      if (putOut(proxyId, "the proxy was put out of the mesh")) proxiesDisconnected += 1;
      hub.publishEndpoints(registry.revoke(proxyId, Date.now()));
    }
    feed.noteRegistry();
  } else {
    for (const { proxyId, workload } of revoked) {
      hub.find(proxyId)?.renew(workload ?? null, 0);
    }
  }
  return { certificatesRevoked: revoked.length, proxiesDisconnected };
}
