import { formatId, type MtlsMode, resolveMtlsMode, selects, type WorkloadId } from "@heddle/mesh";
import { editYaml, type PeerAuthenticationDocument } from "@heddle/resources";
import type { ConfigSnapshot, MeshDocument } from "../snapshot/config-snapshot.ts";
import { ChangeRefusedError } from "./change-errors.ts";
import { type PlannedDocument, parseOne } from "./mesh-config.ts";

type Policy = MeshDocument & { readonly resource: PeerAuthenticationDocument };

/**
 * Sets the mode of one workload: edits the PeerAuthentication that selects just it, or makes one.
 * Throws `ChangeRefusedError` when an older policy that selects more than it would win.
 */
export function planMtlsMode(
  snapshot: ConfigSnapshot,
  workload: WorkloadId,
  labels: Readonly<Record<string, string>>,
  mode: MtlsMode,
): PlannedDocument {
  const selector = ownSelector(labels);
  const own = findOwn(snapshot, workload, selector);
  const planned = own ? edit(own, mode) : create(snapshot, workload, selector, mode);
  refuseIfOverruled(snapshot, workload, labels, planned);
  return planned;
}

/** The labels every workload has: its service, and its version if it has one. */
function ownSelector(labels: Readonly<Record<string, string>>): Record<string, string> {
  const { app = "", version } = labels;
  return version === undefined ? { app } : { app, version };
}

function findOwn(
  snapshot: ConfigSnapshot,
  workload: WorkloadId,
  selector: Readonly<Record<string, string>>,
): Policy | undefined {
  return [...snapshot.documents.values()]
    .filter(isPolicy)
    .filter(({ resource }) => resource.namespace === workload.namespace)
    .filter(({ resource }) => isSame(resource.selector, selector))
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs)[0]; // of two, the oldest holds
}

function edit(document: Policy, mode: MtlsMode): PlannedDocument {
  const yaml = editYaml(document.yaml, [{ path: ["spec", "mtls", "mode"], value: mode }]);
  return { ref: document.resource, after: parseOne(yaml) };
}

function create(
  snapshot: ConfigSnapshot,
  { namespace, name }: WorkloadId,
  selector: Readonly<Record<string, string>>,
  mode: MtlsMode,
): PlannedDocument {
  const isTaken = snapshot.documents.has(`PeerAuthentication ${namespace}/${name}`);
  const document = {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: isTaken ? `${name}-mtls` : name, namespace },
    spec: { selector: { matchLabels: selector }, mtls: { mode } },
  };
  const after = parseOne(JSON.stringify(document)); // JSON is YAML; it is printed in the one way
  return { ref: after.resource, after };
}

function refuseIfOverruled(
  snapshot: ConfigSnapshot,
  workload: WorkloadId,
  labels: Readonly<Record<string, string>>,
  planned: PlannedDocument,
): void {
  const rivals = snapshot.policies.filter(
    (policy) =>
      policy.selector !== undefined &&
      policy.name !== planned.ref.name &&
      selects(policy, { namespace: workload.namespace, labels }, snapshot.rootNamespace),
  );
  const { policy } = resolveMtlsMode(
    rivals,
    { namespace: workload.namespace, labels },
    snapshot.rootNamespace,
  );
  const age = snapshot.documents.get(`PeerAuthentication ${formatId(planned.ref)}`)?.createdAtMs;
  const winner = rivals.find(({ name }) => name === policy?.name);
  if (!winner || (age !== undefined && age <= winner.createdAtMs)) return;
  throw new ChangeRefusedError(
    `PeerAuthentication ${formatId(winner)} selects ${formatId(workload)} too and is older, so it would win; change or delete that one`,
  );
}

function isSame(
  a: Readonly<Record<string, string>> | undefined,
  b: Readonly<Record<string, string>>,
): boolean {
  if (!a) return false;
  const [left, right] = [Object.keys(a), Object.keys(b)];
  return left.length === right.length && left.every((key) => a[key] === b[key]);
}

function isPolicy(document: MeshDocument): document is Policy {
  return document.resource.kind === "PeerAuthentication";
}
