import type {
  PreviewNote,
  PreviewRequest,
  PreviewResponse,
  ResourceChange,
} from "@heddle/contracts";
import { type Fault, formatRef, type ParsedResource, type ResourceRef } from "@heddle/resources";
import { BadRevisionError } from "../history/bad-revision-error.ts";
import { takeRevisions } from "../history/take-revisions.ts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { checkInSteps } from "../revisions/check-documents.ts";
import { type CodedWarning, coded } from "../revisions/coded-warning.ts";
import { PlannedChange } from "../revisions/planned-change.ts";
import { type ConfigSnapshot, compileSnapshot } from "../snapshot/config-snapshot.ts";
import type { Foreseen, MeshView } from "../snapshot/mesh-view.ts";
import type { Breather } from "./breather.ts";
import { parseInTurns } from "./parse-in-turns.ts";

/** A change held against the documents as they are; nothing of it is taken over. */
export type ForeseenChange = {
  readonly before: ConfigSnapshot;
  /** `undefined`: it could not be applied. */
  readonly after: ConfigSnapshot | undefined;
  readonly touched: Foreseen | undefined;
  readonly changes: readonly ResourceChange[];
  /** The changed documents as they stand now. */
  readonly standing: NonNullable<PreviewResponse["standing"]>;
  readonly notes: readonly PreviewNote[];
  readonly warnings: readonly CodedWarning[];
};

/** Parses, plans, compiles and checks a change as `apply` does. */
export async function foreseeChange(
  request: Pick<PreviewRequest, "yaml" | "deletes" | "twins">,
  mesh: MeshView,
  breather: Breather,
): Promise<ForeseenChange> {
  const before = mesh.snapshot;
  const parsed = await parseInTurns(request.yaml, request.twins ?? "refuse", breather);
  const taken = withoutRevisions(parsed.resources);
  const problems = [...parsed.faults, ...taken.faults, ...missingOf(request.deletes, before)];
  if (problems.length > 0) return { ...unchanged(before), notes: problems.map(toFault) };
  const plan: PlannedDocument[] = [
    ...taken.resources.map((after) => ({ ref: after.resource, after })),
    ...request.deletes.map((ref) => ({ ref, after: undefined })),
  ];
  const planned = new PlannedChange(
    {
      ...{ author: "", source: "api", reason: undefined, kind: "apply", startedAt: 0 },
      plan: () => plan,
    },
    before,
    Date.now(),
  );
  await breather.breathe();
  const after = compileSnapshot(before.revision, planned.next, before);
  await breather.breathe();
  // What the check looks at is compiled by then, step by step.
  const touched = await breather.finish(mesh.foresee(after));
  const checking = checkInSteps(after, before, planned.keys, {
    trustDomain: mesh.trustDomain,
    isServed: (service) => mesh.hasEndpoints(service),
    workloads: () => mesh.workloadsWithLabels(),
    versionsOf: (service) => mesh.versionsOf(service),
  });
  const { faults, warnings } = await breather.finish(checking);
  await breather.breathe();
  const notes = faults.map(toFault);
  const odd = [...coded([], parsed.warnings), ...warnings];
  const { changes } = planned;
  const standing = planned.documents.map(({ ref: { kind, namespace, name } }) => {
    const revision = before.documents.get(`${kind} ${namespace}/${name}`)?.revision ?? 0;
    return { kind, namespace, name, revision };
  });
  if (faults.length > 0) return { ...unchanged(before), changes, standing, notes, warnings: odd };
  return { before, after, touched, changes, standing, notes, warnings: odd };
}

function unchanged(before: ConfigSnapshot) {
  return { before, after: undefined, touched: undefined, changes: [], standing: [], warnings: [] };
}

/** What `heddle get` adds to a document is no part of it. */
function withoutRevisions(parsed: readonly ParsedResource[]) {
  try {
    return { resources: takeRevisions(parsed, []).resources, faults: [] };
  } catch (error) {
    if (!(error instanceof BadRevisionError)) throw error;
    return { resources: [], faults: [{ field: "text", message: error.message }] };
  }
}

function missingOf(deletes: readonly ResourceRef[], { documents }: ConfigSnapshot): Fault[] {
  return deletes
    .filter((ref) => !documents.has(formatRef(ref)))
    .map((ref) => ({ field: formatRef(ref), message: "is not there, so it cannot be deleted" }));
}

function toFault({ field, message }: Fault): PreviewNote {
  return { level: "fault", message: `${field}: ${message}` };
}
