import type { LadderWorkload, MtlsScope, MtlsSetRequest } from "@heddle/contracts";
import { formatDuration } from "../../../lib/times.ts";

/** What one can ask of a workload, a namespace or the mesh. */
export const MODE_CHOICES = [
  { value: "permissive", label: "Permissive" },
  { value: "dry-run", label: "Dry run" },
  { value: "strict", label: "Strict" },
] as const;
export type ModeChoice = (typeof MODE_CHOICES)[number]["value"];

/** How long a guard watches; `value` in ms, `0`: no guard. */
export const GUARD_CHOICES = [
  { value: "0", label: "off" },
  { value: "30000", label: "30\u00a0s" },
  { value: "60000", label: "60\u00a0s" },
  { value: "300000", label: "5\u00a0min" },
] as const;

/** More refusals than this take STRICT back. */
export const THRESHOLD_CHOICES = [
  { value: "0", label: "any refusal" },
  { value: "5", label: "5 refusals" },
  { value: "20", label: "20 refusals" },
  { value: "100", label: "100 refusals" },
] as const;

export interface Guard {
  readonly windowMs: number;
  readonly maxRefusals: number;
}

/** What the control plane itself takes when nobody chooses. */
export const USUAL_GUARD: Guard = { windowMs: 60_000, maxRefusals: 5 };

/** Where a workload stands, as the mode switch names it; `undefined`: DISABLE, which the switch does not offer. */
export function modeChoiceOf({
  mode,
  dryRunSinceMs,
}: Pick<LadderWorkload, "mode" | "dryRunSinceMs">): ModeChoice | undefined {
  if (mode === "STRICT") return "strict";
  if (mode === "DISABLE") return undefined;
  return dryRunSinceMs === undefined ? "permissive" : "dry-run";
}

/** What the switch offers first: back from STRICT, the dry run where the ladder asks for one, else STRICT. */
export function offeredChoice({ mode, dryRunSinceMs, next }: LadderWorkload): ModeChoice {
  if (mode === "STRICT") return "permissive";
  return next.act === "dry-run" && dryRunSinceMs === undefined ? "dry-run" : "strict";
}

/** The request a choice stands for. A guard goes with STRICT alone. */
export function setRequest(choice: ModeChoice, guard: Guard | undefined): MtlsSetRequest {
  if (choice === "strict")
    return { mode: "STRICT", ...(guard && { guard: { ...guard } }), source: "console" };
  return {
    mode: "PERMISSIVE",
    ...(choice === "dry-run" && { dryRun: true }),
    source: "console",
  };
}

/** The request that brings back how things stood; `undefined`: the switch has no word for it. */
export function undoRequest(
  before: Pick<LadderWorkload, "mode" | "dryRunSinceMs">,
): MtlsSetRequest {
  const choice = modeChoiceOf(before);
  return choice === undefined
    ? { mode: before.mode, source: "console" }
    : setRequest(choice, undefined);
}

/** The command line that does the same. */
export function setCommand(scope: MtlsScope, choice: ModeChoice, guard: Guard | undefined): string {
  const mode = choice === "strict" ? "STRICT" : "PERMISSIVE";
  const options = [
    ...(choice === "dry-run" ? ["--dry-run"] : []),
    ...(choice === "strict" && guard !== undefined ? guardOptions(guard) : []),
  ];
  return ["heddle mtls set", targetOf(scope), mode, ...options].join(" ");
}

/** The path of the API under which a scope's mode is set. */
export function scopePath(scope: MtlsScope): readonly string[] {
  if (scope.kind === "mesh") return ["mtls"];
  if (scope.kind === "namespace") return ["mtls", scope.namespace];
  return ["mtls", scope.namespace, scope.workload];
}

/** "shipping-v3", "all of shop", "the whole mesh". */
export function scopeInWords(scope: MtlsScope): string {
  if (scope.kind === "mesh") return "the whole mesh";
  return scope.kind === "namespace" ? `all of ${scope.namespace}` : scope.workload;
}

/** "60 s", "5 min": as the choices of a guard are written. */
export function guardWindowInWords(windowMs: number): string {
  const choice = GUARD_CHOICES.find(({ value }) => Number(value) === windowMs);
  return choice?.label ?? formatDuration(windowMs);
}

function targetOf(scope: MtlsScope): string {
  if (scope.kind === "mesh") return "mesh";
  return scope.kind === "namespace"
    ? `${scope.namespace}/`
    : `${scope.namespace}/${scope.workload}`;
}

function guardOptions({ windowMs, maxRefusals }: Guard): string[] {
  const threshold =
    maxRefusals === USUAL_GUARD.maxRefusals ? [] : [`--max-refusals ${maxRefusals}`];
  return [`--guard ${windowMs / 1000}s`, ...threshold];
}
