import type { SingletonTask } from "../replicas/singleton.ts";
import { RevisionConflictError } from "../revisions/change-errors.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { endedOverrides, namesOf, refKeyOf } from "./plan-override.ts";

const EVERY_MS = 1000;

/** Takes overrides away whose time is over, in a revision of their own. */
export function overrideTimers(config: MeshConfig): SingletonTask {
  return {
    name: "override-timers",
    everyMs: EVERY_MS,
    run: async () => {
      const ended = endedOverrides(config.snapshot, Date.now());
      if (ended.length === 0) return;
      const ending = config.change({
        author: "heddle",
        source: "timer",
        reason: "its time was over",
        kind: "registry",
        summary: `Ended the override of ${namesOf(ended)}`,
        startedAt: performance.now(),
        expected: ended.map(({ resource: { kind, namespace, name }, revision }) => {
          return { kind, namespace, name, revision };
        }),
        plan: ({ documents }) =>
          ended
            .filter((one) => documents.has(refKeyOf(one)))
            .map(({ resource }) => ({ ref: resource, after: undefined })),
      });
      await ending.catch((error: unknown) => {
        // Somebody has changed it meanwhile: the next turn looks again.
        if (!(error instanceof RevisionConflictError)) throw error;
      });
    },
  };
}
