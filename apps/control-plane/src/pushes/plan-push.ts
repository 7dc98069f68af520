import { randomUUID } from "node:crypto";
import type { PushMode } from "@heddle/contracts";
import { formatId, judgeRisk, LEAST_PROXIES, type PushRisk } from "@heddle/mesh";
import { formatRef, type Resource } from "@heddle/resources";
import type { HeldDocument, PushStep, StoredPush } from "@heddle/store";
import type { ChangeRequest, PlannedDocument } from "../revisions/change-request.ts";
import type { ConfigSnapshot, MeshDocument } from "../snapshot/config-snapshot.ts";
import { PushEndedError } from "./push-errors.ts";

/** How changes are pushed unless they say otherwise. */
export type PushSettings = {
  readonly mode: PushMode;
  /** So long the first proxies are watched. */
  readonly windowMs: number;
};

/** How many proxies are connected, and how many of them a change concerns; asked only if it matters. */
export type PushReach = {
  readonly connected: number;
  readonly concerned: () => number;
};

const URGENT_KINDS: ReadonlySet<ChangeRequest["kind"]> = new Set([
  "rollback",
  "restore",
  "bypass",
  "weight", // a canary goes by its own steps
  "mtls", // it has preflight and guard of its own
  "registry",
]);
const URGENT_SOURCES: ReadonlySet<ChangeRequest["source"]> = new Set([
  "guard",
  "timer",
  "registry",
  "rollout",
]);

/**
 * What a change does to canaried pushes: begins one, joins or ends the one that runs; `undefined`: nothing. Throws
 * `PushEndedError`.
 */
export function planPush(
  request: ChangeRequest,
  planned: readonly PlannedDocument[],
  parts: {
    readonly snapshot: ConfigSnapshot;
    readonly running: StoredPush | undefined;
    readonly reach: PushReach;
    readonly settings: PushSettings;
  },
): PushStep | undefined {
  const { snapshot, running, settings } = parts;
  if (request.endsPush) {
    if (running?.id !== request.endsPush.id) throw new PushEndedError(request.endsPush.id);
    return { kind: "end", ...request.endsPush };
  }
  const risk = riskOf(request, planned, parts);
  if (risk.isRisky) {
    const held = heldBy(planned, snapshot, running?.held ?? []);
    if (running) return { kind: "join", id: running.id, held };
    const { windowMs } = settings;
    const proxiesConcerned = parts.reach.concerned();
    const push = { id: randomUUID(), held, why: risk.why, proxiesConcerned, windowMs };
    return { kind: "begin", push };
  }
  const heldKeys = new Set(running?.held.map(keyOf));
  if (!running || !planned.some(({ ref }) => heldKeys.has(formatRef(ref)))) return undefined;
  const words = "Overtaken: a later change of the same documents went to all.";
  const end = { status: "overtaken" as const, words, endedBy: undefined, outcome: {} };
  return { kind: "end", id: running.id, end };
}

/** `formatRef` of what was held back. */
export function keyOf({ kind, namespace, name }: HeldDocument): string {
  return `${kind} ${formatId({ namespace, name })}`;
}

function riskOf(
  request: ChangeRequest,
  planned: readonly PlannedDocument[],
  { snapshot, reach, settings }: Parameters<typeof planPush>[2],
): PushRisk {
  const isCanaried = (request.push ?? settings.mode) === "canaried";
  const isUrgent =
    URGENT_KINDS.has(request.kind) ||
    URGENT_SOURCES.has(request.source) ||
    request.guard !== undefined; // it watches itself
  if (!isCanaried || isUrgent || reach.connected < LEAST_PROXIES) return { isRisky: false };
  return judgeRisk({
    isUrgent,
    resources: planned.map(({ ref, after }) => {
      const resource = after?.resource ?? snapshot.documents.get(formatRef(ref))?.resource;
      const isSweeping = resource !== undefined && isForAll(resource, snapshot.rootNamespace);
      return { kind: ref.kind, name: formatId(ref), isSweeping };
    }),
    proxiesConcerned: reach.concerned(),
    proxiesConnected: reach.connected,
  });
}

/** It names no workload: it holds for its namespace, or for the mesh. */
function isForAll(resource: Resource, rootNamespace: string): boolean {
  if (resource.kind === "MeshConfig" || resource.namespace === rootNamespace) return true;
  return "selector" in resource && resource.selector === undefined;
}

/** What the others keep running: of what is held already, the older state. */
function heldBy(
  planned: readonly PlannedDocument[],
  { documents }: ConfigSnapshot,
  already: readonly HeldDocument[],
): HeldDocument[] {
  const known = new Set(already.map(keyOf));
  const added = planned.filter(({ ref }) => !known.has(formatRef(ref)));
  return [...already, ...added.map(({ ref }) => toHeld(ref, documents.get(formatRef(ref))))];
}

function toHeld(ref: PlannedDocument["ref"], before: MeshDocument | undefined): HeldDocument {
  return {
    ...{ kind: ref.kind, namespace: ref.namespace, name: ref.name },
    yaml: before?.yaml,
    revision: before?.revision ?? 0,
    createdAtMs: before?.createdAtMs ?? 0,
    updatedAtMs: before?.updatedAtMs ?? 0,
  };
}
