import type { ControlMessage, RefusedResource } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import type { ProxyView, Resolution } from "../snapshot/mesh-view.ts";
import { subscriptionKey } from "../snapshot/subscription-keys.ts";

/** What a push brings, takes and answers. */
export type PushContent = Pick<
  Extract<ControlMessage, { type: "push" }>,
  "upserts" | "removes" | "resolutions"
>;

/** What a proxy was told and has said, beside what it has. */
export type PushMemory = {
  /** Answers to its subscriptions, by `subscriptionKey`. */
  readonly told: ReadonlyMap<string, string>;
  readonly refused: ReadonlyMap<string, RefusedResource>;
  /** Of a resource's key: who has a version of it keeps that one. */
  readonly keeps: (key: string) => boolean;
};

/** What a proxy that has `have` lacks of `view`; `undefined`: nothing. */
export function findDifference(
  view: ProxyView,
  have: ReadonlyMap<string, string>,
  { told, refused, keeps }: PushMemory,
): PushContent | undefined {
  const upserts = [...view.resources.values()].filter(
    ({ key, version }) =>
      have.get(key) !== version &&
      !(have.has(key) && keeps(key)) &&
      refused.get(key)?.version !== version,
  );
  const removes = [...have.keys()].filter((key) => !view.resources.has(key));
  const brought = new Set(upserts.flatMap(({ key }) => (have.has(key) ? [] : [key])));
  const resolutions = [...view.resolutions.values()].filter(
    (resolution) =>
      told.get(subscriptionKey(resolution)) !== JSON.stringify(resolution.service) ||
      isBrought(resolution, brought), // refused before, so its answer led nowhere
  );
  if (upserts.length + removes.length + resolutions.length === 0) return undefined;
  return { upserts, removes, resolutions };
}

function isBrought({ service }: Resolution, brought: ReadonlySet<string>): boolean {
  return brought.size > 0 && service !== null && brought.has(`service/${formatId(service)}`);
}
