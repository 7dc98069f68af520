import type { ResourceChange, RevisionSummary } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { type Fault, formatRef, type ParsedResource, type ResourceRef } from "@heddle/resources";
import type { DocumentChange } from "@heddle/store";
import type { ConfigSnapshot, MeshDocument } from "../snapshot/config-snapshot.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { RevisionConflictError } from "./change-errors.ts";
import type { ChangeRequest, ExpectedDocument, PlannedDocument } from "./change-request.ts";
import { describeChange } from "./diff-documents.ts";
import { type ChangedResource, servicesShaped, summarizeChange } from "./summarize-change.ts";

/** What a change would make of the documents of one snapshot. */
export class PlannedChange {
  /** Those that differ from what is there. */
  readonly documents: readonly PlannedDocument[];
  /** All documents as they are to be; the changed ones at revision 0 until `stamp`. */
  readonly next: Map<string, MeshDocument>;
  readonly #request: ChangeRequest;
  readonly #snapshot: ConfigSnapshot;
  readonly #nowMs: number;

  /** Throws `RevisionConflictError` or what `plan` and `authorize` throw. */
  constructor(request: ChangeRequest, snapshot: ConfigSnapshot, nowMs: number) {
    this.#request = request;
    this.#snapshot = snapshot;
    this.#nowMs = nowMs;
    this.documents = request
      .plan(snapshot)
      .filter(({ ref, after }) => snapshot.documents.get(formatRef(ref))?.yaml !== after?.yaml);
    const changed = this.documents.map((one) => reachOf(one, snapshot));
    request.authorize?.(changed, snapshot.rootNamespace);
    checkExpected(request.expected ?? [], snapshot);
    this.next = new Map(snapshot.documents);
    for (const one of this.documents) {
      const key = formatRef(one.ref);
      const before = snapshot.documents.get(key);
      if (one.after) this.next.set(key, toDocument(one, one.after, before, nowMs));
      else this.next.delete(key);
    }
  }

  /** Whether there is nothing to write down. */
  get isEmpty(): boolean {
    const { dryRun, actsOn } = this.#request;
    return dryRun === true || (this.documents.length === 0 && actsOn === undefined);
  }

  get keys(): ReadonlySet<string> {
    return new Set(this.documents.map(({ ref }) => formatRef(ref)));
  }

  get changes(): readonly ResourceChange[] {
    return this.documents.map((one) => describeChange(this.#textsOf(one)));
  }

  /** As the store takes it. `revisionOf`: at which a document stands in the database. */
  forStore(revisionOf: (ref: ResourceRef) => number): DocumentChange[] {
    return this.documents.map((one) => ({
      ...this.#textsOf(one),
      expectedRevision: revisionOf(one.ref),
      createdAtMs: this.next.get(formatRef(one.ref))?.createdAtMs ?? this.#nowMs,
    }));
  }

  /** It was written as this revision. */
  stamp(revision: number): void {
    for (const key of this.keys) {
      const document = this.next.get(key);
      if (document) this.next.set(key, { ...document, revision });
    }
  }

  /** What the history says of it. */
  summarize(mesh: MeshView): Omit<RevisionSummary, "revision"> {
    const { author, source, reason, summary, kind, restoredRevision, actsOn } = this.#request;
    const { documents, hosts } = this.#snapshot;
    const changed = this.documents.map(
      ({ ref, after }): ChangedResource => ({
        before: documents.get(formatRef(ref))?.resource,
        after: after?.resource,
      }),
    );
    return {
      createdAtMs: this.#nowMs,
      author,
      source,
      ...(reason === undefined ? {} : { reason }),
      summary: summary ?? summarizeChange(changed),
      kind,
      ...(restoredRevision === undefined ? {} : { restoredRevision }),
      resources: this.documents.map(({ ref: { kind, namespace, name } }) => {
        return { kind, namespace, name };
      }),
      services:
        actsOn?.slice() ??
        servicesShaped(changed, {
          selectedBy: (policy) => mesh.servicesSelectedBy(policy),
          servicesOfWorkload: (workload) => mesh.servicesOfWorkload(workload),
          keyOf: (ref, namespace) => formatId(hosts.ofRef(ref, namespace)),
        }),
    };
  }

  #textsOf({ ref, after }: PlannedDocument) {
    return {
      kind: ref.kind,
      namespace: ref.namespace,
      name: ref.name,
      before: this.#snapshot.documents.get(formatRef(ref))?.yaml,
      after: after?.yaml,
    };
  }
}

/** Whom a change has to be allowed for: a bypass of AuthorizationPolicies counts as one of the whole mesh. */
function reachOf({ ref, after }: PlannedDocument, snapshot: ConfigSnapshot): ResourceRef {
  const resource = after?.resource;
  const isOpen =
    resource?.kind === "Bypass" &&
    resource.target.kind === "workload" &&
    resource.target.includesAuthorization;
  return isOpen ? { kind: ref.kind, name: ref.name, namespace: snapshot.rootNamespace } : ref;
}

function toDocument(
  planned: PlannedDocument,
  after: ParsedResource,
  before: MeshDocument | undefined,
  nowMs: number,
): MeshDocument {
  return {
    resource: after.resource,
    yaml: after.yaml,
    revision: 0, // known once it is committed
    createdAtMs: planned.createdAtMs ?? before?.createdAtMs ?? nowMs,
    updatedAtMs: nowMs,
  };
}

function checkExpected(expected: readonly ExpectedDocument[], snapshot: ConfigSnapshot): void {
  const stale = expected.flatMap((one): Fault[] => {
    const revision = snapshot.documents.get(formatRef(one))?.revision ?? 0;
    if (revision === one.revision) return [];
    const message = `is at revision ${revision}, expected ${one.revision}`;
    return [{ field: formatRef(one), message }];
  });
  if (stale.length > 0) throw new RevisionConflictError(stale);
}
