import { paths } from "../paths.ts";

/**
 * A sidecar's memory counts per workload, and what a request leaves behind is small: a young generation
 * of 1 MiB saves about 8 MiB of private memory (decision 8).
 */
const MEMORY_FLAGS: readonly string[] = ["--max-semi-space-size=1"];

/** Arguments for Node that run a proxy by its configuration file. */
export function proxyArgs(configFile: string): string[] {
  return [...MEMORY_FLAGS, paths.entry("proxy"), "--config", configFile];
}
