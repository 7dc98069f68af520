import type { ProxyState } from "@heddle/contracts";
import { UsageError } from "../errors.ts";

/**
 * The proxy somebody means by its id, its name, or a workload it serves; of several instances of a workload the
 * first that is connected. Throws `UsageError` that says who there is.
 */
export function findProxy(
  proxies: readonly ProxyState[],
  wanted: string,
  namespace: string,
): ProxyState {
  const workload = wanted.includes("/") ? wanted : `${namespace}/${wanted}`;
  const found = [
    ...proxies.filter(({ proxyId }) => proxyId === wanted),
    ...proxies.filter(({ workloads }) => workloads.includes(workload)),
    ...proxies.filter(({ name }) => name === wanted),
    // a workload's bare name will do where only one namespace has it
    ...onlyOne(
      proxies.filter(({ workloads }) => workloads.some((one) => one.endsWith(`/${wanted}`))),
    ),
  ];
  const best = found.find(({ connected }) => connected) ?? found[0];
  if (best) return best;
  const there = proxies.flatMap(({ workloads }) => workloads).slice(0, 20);
  throw new UsageError(
    `"${wanted}" is no proxy and no workload a proxy serves; there are ${there.join(", ") || "none"}`,
  );
}

function onlyOne(proxies: readonly ProxyState[]): readonly ProxyState[] {
  return proxies.length === 1 ? proxies : [];
}
