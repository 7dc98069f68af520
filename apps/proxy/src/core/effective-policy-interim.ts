import type { LeveledPolicy, TrafficPolicy } from "@heddle/mesh";

export function effectivePolicy(
  rule: LeveledPolicy | undefined,
  subset: LeveledPolicy | undefined,
  _port: number | undefined,
): TrafficPolicy {
  return { ...rule, ...subset };
}
