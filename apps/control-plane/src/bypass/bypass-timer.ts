import { formatRef } from "@heddle/resources";
import type { SingletonTask } from "../replicas/singleton.ts";
import { RevisionConflictError } from "../revisions/change-errors.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { nameBypass } from "./describe-bypass.ts";
import { bypassesOf, targetOf } from "./plan-bypass.ts";

const EVERY_MS = 1000;

/**
 * Writes down the end of bypasses whose time is over. The proxies have ended them by themselves; this takes the
 * documents away, in a revision of its own.
 */
export function bypassTimers(config: MeshConfig): SingletonTask {
  return {
    name: "bypass-timers",
    everyMs: EVERY_MS,
    run: async () => {
      const nowMs = Date.now();
      const { snapshot } = config;
      const ended = bypassesOf(snapshot).filter(({ resource }) => resource.untilMs <= nowMs);
      if (ended.length === 0) return;
      const names = ended.map(({ resource }) => nameBypass(targetOf(resource, snapshot)));
      const ending = config.change({
        author: "heddle",
        source: "timer",
        reason: "its time was over",
        kind: "bypass",
        summary: `Ended the bypass of ${names.join(", ")}`,
        startedAt: performance.now(),
        expected: ended.map(({ resource: { kind, namespace, name }, revision }) => {
          return { kind, namespace, name, revision };
        }),
        plan: ({ documents }) =>
          ended
            .filter(({ resource }) => documents.has(formatRef(resource)))
            .map(({ resource }) => ({ ref: resource, after: undefined })),
      });
      await ending.catch((error: unknown) => {
        // Somebody has changed it meanwhile: the next turn looks again.
        if (!(error instanceof RevisionConflictError)) throw error;
      });
    },
  };
}
