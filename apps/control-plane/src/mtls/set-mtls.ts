import { randomUUID } from "node:crypto";
import type { ChangeSource, MtlsGuardRequest, MtlsScope } from "@heddle/contracts";
import { formatId, type MtlsMode, resolveMtlsMode } from "@heddle/mesh";
import type { Labels } from "@heddle/resources";
import type { NewGuard, StoredGuard } from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Registry } from "../registry/registry.ts";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import type { ChangeOutcome, PlannedDocument } from "../revisions/change-request.ts";
import { coded } from "../revisions/coded-warning.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { baselineOf } from "./guard-count.ts";
import type { GuardKeeper } from "./guard-keeper.ts";
import { scopeWords } from "./guard-words.ts";
import { findOwnPolicy, planMtlsMode, policiesWith, type WantedMode } from "./plan-mtls.ts";
import type { TurnedAway } from "./turned-away.ts";

const FROM_DISABLE =
  "callers learn a moment later than the workload that they may encrypt, and are refused until then; from DISABLE go by way of PERMISSIVE";

export type MtlsChange = {
  readonly scope: MtlsScope;
  readonly wanted: WantedMode;
  readonly guard: MtlsGuardRequest | undefined;
  readonly author: string;
  readonly source: ChangeSource;
  readonly reason: string | undefined;
  /** `performance.now()` when the request arrived. */
  readonly startedAt: number;
};

type Parts = {
  readonly config: MeshConfig;
  readonly registry: Registry;
  readonly turnedAway: TurnedAway;
  readonly guards: GuardKeeper;
};

/**
 * Sets the mode of a scope, and begins to watch it if a guard was asked for. Throws `NotFoundError`,
 * `ChangeRefusedError` (the request contradicts itself, or an older policy would win) or what a change throws.
 */
export async function setMtls(
  parts: Parts,
  change: MtlsChange,
): Promise<ChangeOutcome & { readonly guard: StoredGuard | undefined }> {
  const { config, registry, guards } = parts;
  const { scope, wanted, guard, author } = change;
  refuseContradiction(change);
  const labels = labelsOf(registry, scope);
  let begun: StoredGuard | undefined;
  let wasDisabled = false;
  const outcome = await config.change({
    author,
    source: change.source,
    reason: change.reason,
    kind: "mtls",
    summary: summaryOf(scope, wanted),
    startedAt: change.startedAt,
    plan: (snapshot) => {
      wasDisabled =
        scope.kind === "workload" &&
        wanted.mode === "STRICT" &&
        modeOf(snapshot, scope, labels) === "DISABLE";
      return [planMtlsMode(snapshot, scope, labels, wanted)];
    },
    ...(guard && {
      guard: (snapshot, planned) => {
        const made = newGuard(parts, { scope, labels, guard }, snapshot, planned);
        begun = startedGuard(made, author);
        return { kind: "begin", guard: made };
      },
    }),
  });
  const warnings = [
    ...outcome.warnings,
    ...coded([], outcome.revision > 0 && wasDisabled ? [FROM_DISABLE] : []),
    ...coded([], weakerPolicies(config.snapshot, scope, wanted)),
  ];
  if (guard && outcome.revision === 0) {
    const text = `${scopeWords(scope)} is STRICT already: there is nothing to guard`;
    warnings.push({ text, codes: [] });
  }
  const started =
    begun && outcome.revision > 0 ? { ...begun, revision: outcome.revision } : undefined;
  if (started) guards.adopt(started);
  return { ...outcome, warnings, guard: started };
}

function refuseContradiction({ wanted: { mode, isDryRun }, guard }: MtlsChange): void {
  if (isDryRun && mode !== "PERMISSIVE") {
    throw new ChangeRefusedError(
      `dryRun goes with mode PERMISSIVE (is ${mode}): it counts what STRICT would refuse while nothing is refused`,
    );
  }
  if (guard && mode !== "STRICT") {
    throw new ChangeRefusedError(
      `guard goes with mode STRICT (is ${mode}): it takes STRICT back when too many are refused`,
    );
  }
}

function labelsOf(registry: Registry, scope: MtlsScope): Labels {
  if (scope.kind !== "workload") return {};
  const { namespace, workload } = scope;
  const key = formatId({ namespace, name: workload });
  const instance = [...registry.instances()].find((one) => workloadKeyOf(one) === key);
  if (!instance) throw new NotFoundError(`no workload ${key} is in the mesh`);
  return instance.labels;
}

function summaryOf(scope: MtlsScope, { mode, isDryRun }: WantedMode): string {
  const how = isDryRun ? `set to ${mode}, with a dry run of STRICT` : `set to ${mode}`;
  return `${scopeWords(scope)} ${how}`;
}

function newGuard(
  { registry, turnedAway, guards }: Parts,
  asked: { scope: MtlsScope; labels: Labels; guard: MtlsGuardRequest },
  snapshot: ConfigSnapshot,
  planned: readonly PlannedDocument[],
): NewGuard {
  const { scope, labels, guard } = asked;
  const [change] = planned;
  if (!change) throw new Error("a guard without a change"); // it is asked for planned changes alone
  const own = findOwnPolicy(snapshot, scope, labels);
  const policies = policiesWith(snapshot, change, Date.now());
  const workloads = [...new Map([...registry.instances()].map((one) => [workloadKeyOf(one), one]))];
  const modes = workloads.map(([key, one]) => ({
    key,
    before: snapshot.workloads.effectiveMtls(one).mode,
    after: resolveMtlsMode(policies, one, snapshot.rootNamespace).mode,
  }));
  const flipped = new Set(
    modes.filter(({ before, after }) => after === "STRICT" && before !== "STRICT").map(keyOf),
  );
  return {
    id: randomUUID(),
    scope,
    policy: { namespace: change.ref.namespace, name: change.ref.name },
    previousMode: modeOf(snapshot, scope, labels),
    previousYaml: own?.yaml,
    windowMs: guard.windowMs,
    maxRefusals: guard.maxRefusals,
    workloads: [...flipped].sort(),
    strictBefore: modes.filter(({ before }) => before === "STRICT").map(keyOf),
    ...baselineOf(turnedAway.all(), (key) => flipped.has(key), own?.updatedAtMs ?? 0),
    runner: guards.runner,
    leaseMs: guards.leaseMs,
  };
}

/** What holds for a scope now. */
function modeOf(snapshot: ConfigSnapshot, scope: MtlsScope, labels: Labels): MtlsMode {
  const namespace = scope.kind === "mesh" ? snapshot.rootNamespace : scope.namespace;
  return snapshot.workloads.effectiveMtls({ namespace, labels }).mode;
}

function keyOf({ key }: { readonly key: string }): string {
  return key;
}

/** As the database will hold it; its revision is known once it does. */
function startedGuard(guard: NewGuard, startedBy: string): StoredGuard {
  const { runner: _, leaseMs: __, ...kept } = guard;
  return {
    ...kept,
    revision: 0,
    startedBy,
    startedAtMs: Date.now(),
    status: "running",
    refused: 0,
    callers: [],
    words: "",
    endedAtMs: undefined,
    endRevision: undefined,
  };
}

/** PeerAuthentications under a namespace's or the mesh's STRICT that go on letting plaintext in. */
function weakerPolicies(
  snapshot: ConfigSnapshot,
  scope: MtlsScope,
  { mode }: WantedMode,
): string[] {
  if (mode !== "STRICT" || scope.kind === "workload") return [];
  return snapshot.policies
    .filter(({ namespace }) => scope.kind === "mesh" || namespace === scope.namespace)
    .filter((policy) => policy.mode !== undefined && policy.mode !== "STRICT")
    .map(
      (policy) => `PeerAuthentication ${formatId(policy)} stays ${policy.mode} and goes before it`,
    );
}
