import type { MtlsScope } from "@heddle/contracts";
import {
  formatId,
  type MtlsMode,
  type PeerAuthentication,
  resolveMtlsMode,
  selects,
} from "@heddle/mesh";
import { editYaml, type Labels, MTLS_DRY_RUN } from "@heddle/resources";
import { ChangeRefusedError } from "../revisions/change-errors.ts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf } from "../snapshot/mesh-document.ts";

type Policy = DocumentOf<"PeerAuthentication">;

/** What a scope's own policy is to say; `isDryRun` goes with PERMISSIVE. */
export type WantedMode = { readonly mode: MtlsMode; readonly isDryRun: boolean };

/**
 * Sets the mode of a workload, a namespace or the mesh: edits the PeerAuthentication of just that scope, or
 * makes one. `labels`: the workload's. Throws `ChangeRefusedError` when an older policy would win over it.
 */
export function planMtlsMode(
  snapshot: ConfigSnapshot,
  scope: MtlsScope,
  labels: Labels,
  wanted: WantedMode,
): PlannedDocument {
  const own = findOwnPolicy(snapshot, scope, labels);
  const planned = own
    ? edit(own, wanted)
    : create(
        snapshot,
        namespaceOf(snapshot, scope),
        nameOf(scope),
        selectorOf(scope, labels),
        wanted,
      );
  if (scope.kind === "workload") refuseIfOverruled(snapshot, scope, labels, planned);
  return planned;
}

/** The PeerAuthentication that means just this scope; of two, the oldest holds. */
export function findOwnPolicy(
  snapshot: ConfigSnapshot,
  scope: MtlsScope,
  labels: Labels,
): Policy | undefined {
  const selector = selectorOf(scope, labels);
  const namespace = namespaceOf(snapshot, scope);
  return [...snapshot.documents.values()]
    .filter((one) => isOf(one, "PeerAuthentication"))
    .filter(({ resource }) => resource.namespace === namespace)
    .filter(({ resource }) => isSame(resource.selector, selector))
    .toSorted(
      (a, b) => a.createdAtMs - b.createdAtMs || (a.resource.name < b.resource.name ? -1 : 1),
    )[0];
}

/** Modes as they will be once `planned` is in force. */
export function policiesWith(
  snapshot: ConfigSnapshot,
  { ref, after }: PlannedDocument,
  nowMs: number,
): PeerAuthentication[] {
  const isOther = ({ namespace, name }: PeerAuthentication) =>
    namespace !== ref.namespace || name !== ref.name;
  const others = snapshot.policies.filter(isOther);
  if (after?.resource.kind !== "PeerAuthentication") return others;
  const { namespace, name, selector, mode } = after.resource;
  const before = snapshot.documents.get(`PeerAuthentication ${formatId(ref)}`);
  return [
    ...others,
    { namespace, name, selector, mode, createdAtMs: before?.createdAtMs ?? nowMs },
  ];
}

function namespaceOf(snapshot: ConfigSnapshot, scope: MtlsScope): string {
  return scope.kind === "mesh" ? snapshot.rootNamespace : scope.namespace;
}

/** Istio's custom: the policy of a whole namespace is called `default`. */
function nameOf(scope: MtlsScope): string {
  return scope.kind === "workload" ? scope.workload : "default";
}

/** The labels every workload has: its service, and its version if it has one. */
function selectorOf(scope: MtlsScope, labels: Labels): Labels | undefined {
  if (scope.kind !== "workload") return undefined;
  const { app = "", version } = labels;
  return version === undefined ? { app } : { app, version };
}

function edit(document: Policy, { mode, isDryRun }: WantedMode): PlannedDocument {
  const { resource, yaml } = document;
  if (resource.mode === mode && (resource.isStrictDryRun ?? false) === isDryRun) {
    return { ref: resource, after: parseOne(yaml) };
  }
  const edited = editYaml(yaml, [
    { path: ["spec", "mtls", "mode"], value: mode },
    { path: ["metadata", "annotations", MTLS_DRY_RUN], value: isDryRun ? "STRICT" : undefined },
  ]);
  return { ref: resource, after: parseOne(edited) };
}

function create(
  snapshot: ConfigSnapshot,
  namespace: string,
  name: string,
  selector: Labels | undefined,
  { mode, isDryRun }: WantedMode,
): PlannedDocument {
  const isTaken = snapshot.documents.has(`PeerAuthentication ${namespace}/${name}`);
  const annotations = isDryRun ? { annotations: { [MTLS_DRY_RUN]: "STRICT" } } : {};
  const document = {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: isTaken ? `${name}-mtls` : name, namespace, ...annotations },
    spec: { ...(selector && { selector: { matchLabels: selector } }), mtls: { mode } },
  };
  const after = parseOne(JSON.stringify(document)); // JSON is YAML; it is printed in the one way
  return { ref: after.resource, after };
}

function refuseIfOverruled(
  snapshot: ConfigSnapshot,
  scope: Extract<MtlsScope, { kind: "workload" }>,
  labels: Labels,
  planned: PlannedDocument,
): void {
  const { namespace, workload } = scope;
  const rivals = snapshot.policies.filter(
    (policy) =>
      policy.selector !== undefined &&
      policy.name !== planned.ref.name &&
      selects(policy, { namespace, labels }, snapshot.rootNamespace),
  );
  const { policy } = resolveMtlsMode(rivals, { namespace, labels }, snapshot.rootNamespace);
  const age = snapshot.documents.get(`PeerAuthentication ${formatId(planned.ref)}`)?.createdAtMs;
  const winner = rivals.find(({ name }) => name === policy?.name);
  if (!winner || (age !== undefined && age <= winner.createdAtMs)) return;
  throw new ChangeRefusedError(
    `PeerAuthentication ${formatId(winner)} selects ${namespace}/${workload} too and is older, so it would win; change or delete that one`,
  );
}

function isSame(a: Labels | undefined, b: Labels | undefined): boolean {
  if (!a || !b) return a === b;
  const [left, right] = [Object.keys(a), Object.keys(b)];
  return left.length === right.length && left.every((key) => a[key] === b[key]);
}
