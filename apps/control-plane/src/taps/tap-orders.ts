import type { TapOrder, TapRequest, TapTarget } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";
import type { z } from "zod";

/** What a tap is to show, with its defaults filled in. */
export type TapWish = Pick<z.output<typeof TapRequest>, "targets" | "filter" | "maxPerSecond">;

/** A tap under way. */
export type LiveTap = TapWish & {
  readonly id: string;
  readonly by: string;
  readonly beganMs: number;
  readonly untilMs: number;
};

type Named = Pick<StoredInstance, "namespace" | "service" | "workload">;

export function isTarget(target: TapTarget, { namespace, service, workload }: Named): boolean {
  if (target.namespace !== namespace) return false;
  return "service" in target ? target.service === service : target.workload === workload;
}

/** What a proxy that hosts these is told; those taps alone that mean any of them. */
export function ordersFor(
  taps: Iterable<LiveTap>,
  hosted: readonly Named[],
  remainingMsOf: (tap: LiveTap) => number,
): TapOrder[] {
  return [...taps].flatMap((tap): TapOrder[] => {
    const { id, filter, maxPerSecond } = tap;
    const meant = hosted.filter((one) => tap.targets.some((target) => isTarget(target, one)));
    if (meant.length === 0) return [];
    const workloads = meant.map(({ namespace, workload }) => ({ namespace, name: workload }));
    return [{ id, workloads, filter, maxPerSecond, remainingMs: remainingMsOf(tap) }];
  });
}

/** For the audit log: "shop/reviews, shop/web-v1 for 60 s". */
export function nameTap({ targets, forMs }: Pick<TapWish, "targets"> & { forMs: number }): string {
  const names = targets.map(
    (target) => `${target.namespace}/${"service" in target ? target.service : target.workload}`,
  );
  return `${names.join(", ")} for ${Math.round(forMs / 1_000)} s`;
}
