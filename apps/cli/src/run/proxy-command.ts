import { pathToFileURL } from "node:url";
import { paths } from "../paths.ts";

/**
 * A sidecar's memory counts per workload. What a request leaves behind is small, so a young generation of
 * 1 MiB does (decision 8); what the compiler's threads take for their work stays with them, so the main
 * thread compiles, and all threads allocate from one arena (decision 64). Sources come stripped from a folder
 * instead of Node's cache, which keeps in memory what it has read, and what loading left is given back (decision 149).
 */
const MEMORY_FLAGS: readonly string[] = [
  "--max-semi-space-size=1",
  "--no-concurrent-recompilation",
  "--expose-gc",
  "--disable-warning=ExperimentalWarning", // of the type stripper
  "--import",
  pathToFileURL(paths.strippedSources).href,
];

/** The same as variables of the proxy's process. */
export const MEMORY_ENV = Object.freeze({ MALLOC_ARENA_MAX: "1", NODE_DISABLE_COMPILE_CACHE: "1" });

/** Arguments for Node that run a proxy by its configuration file. */
export function proxyArgs(configFile: string): string[] {
  return [...MEMORY_FLAGS, paths.entry("proxy"), "--config", configFile];
}
