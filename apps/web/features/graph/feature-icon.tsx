import type { TrafficFeatureKind } from "@heddle/contracts";
import { Bug, Copy, Gauge, Repeat, Split, Timer, Unplug, Zap } from "lucide-react";

const ICONS = {
  fault: Bug,
  timeout: Timer,
  retry: Repeat,
  mirror: Copy,
  breaker: Zap,
  split: Split,
  "rate-limit": Gauge,
  bypass: Unplug,
} as const;

/** The sign of a rule; a breaker's bolt is filled while it is open. */
export function FeatureIcon({
  kind,
  isOpen = false,
  sizePx = 13,
}: {
  readonly kind: TrafficFeatureKind;
  readonly isOpen?: boolean;
  readonly sizePx?: number;
}) {
  const Icon = ICONS[kind];
  return <Icon size={sizePx} aria-hidden="true" {...(isOpen && { fill: "currentColor" })} />;
}
