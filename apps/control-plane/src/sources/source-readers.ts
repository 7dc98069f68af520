import type { ApiParts } from "../api/parts.ts";
import type { ControlPlaneConfig } from "../config.ts";
import { DirectoryTask } from "./directory/directory-task.ts";
import { DnsTask } from "./dns/dns-task.ts";
import { SourceTaker } from "./source-taker.ts";
import { DNS_TASK } from "./source-task-name.ts";

/** Proxies need this long to come back after a start: until then nobody knows which services are used. */
const UNKNOWN_USE_MS = 30_000;

/** Begins to read the sources of the registry; each is read by one control plane at a time. */
export function startSourceReaders(
  { registryDirectory, maxEndpointLossPercent }: ControlPlaneConfig,
  { sourceKeeper: keeper, config, mesh, uses, replicas, logger }: ApiParts,
): { close(): void } {
  const knownFromMs = Date.now() + UNKNOWN_USE_MS;
  const taker = new SourceTaker({
    ...{ keeper, config, mesh },
    isUsed: (key) => uses.has(key) || Date.now() < knownFromMs,
    maxLossPercent: maxEndpointLossPercent,
    readBy: replicas.id,
  });
  const isMine = () => replicas.singletons.holds(DNS_TASK);
  const dns = new DnsTask({ ...{ config, keeper, taker, logger }, isMine });
  const directory =
    registryDirectory === undefined
      ? undefined
      : new DirectoryTask(registryDirectory, keeper, taker);
  for (const reader of [dns, ...(directory ? [directory] : [])]) {
    replicas.singletons.add(reader.task);
  }
  return {
    close: () => {
      dns.close();
      directory?.close();
    },
  };
}
