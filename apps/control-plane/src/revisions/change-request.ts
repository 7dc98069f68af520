import type {
  ChangeSource,
  PushMode,
  PushRef,
  ResourceChange,
  RevisionSummary,
} from "@heddle/contracts";
import type { ParsedResource, ResourceRef } from "@heddle/resources";
import type { GuardStep, PushEnd } from "@heddle/store";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { PendingDelivery } from "../stream/hub.ts";
import type { CodedWarning } from "./coded-warning.ts";

/** One document as it is to be. `after` undefined: deleted; `createdAtMs`: an older birth to keep. */
export type PlannedDocument = {
  readonly ref: ResourceRef;
  readonly after: ParsedResource | undefined;
  readonly createdAtMs?: number | undefined;
};

/** A document as a caller has seen it; `revision` 0: it must not exist. */
export type ExpectedDocument = ResourceRef & { readonly revision: number };

/** A change, planned against the documents as they stand when its turn comes. */
export type ChangeRequest = {
  readonly author: string;
  readonly source: ChangeSource;
  readonly reason: string | undefined;
  readonly kind: RevisionSummary["kind"];
  readonly restoredRevision?: number;
  readonly dryRun?: boolean;
  /** `performance.now()` when the request arrived. */
  readonly startedAt: number;
  /** Throws when the author may not change one of these. Asked of what really changes; absent: Heddle itself. */
  readonly authorize?: (changed: readonly ResourceRef[], rootNamespace: string) => void;
  /** Optimistic lock by document. */
  readonly expected?: readonly ExpectedDocument[];
  /** A sentence of its own instead of one made from the difference. */
  readonly summary?: string;
  /** It changes no document but the registry: the services it is about, `namespace/name`. A revision says so. */
  readonly actsOn?: readonly string[];
  /** Its author knows that services in use lose endpoints by it. */
  readonly acceptsEndpointLoss?: boolean;
  /** Absent: as the control plane is set. */
  readonly push?: PushMode | undefined;
  /** It ends the canaried push of that id. */
  readonly endsPush?: { readonly id: string; readonly end: PushEnd };
  readonly plan: (snapshot: ConfigSnapshot) => readonly PlannedDocument[];
  /** A guarded flip that begins with this revision, or is taken back by it; asked once it is planned. */
  readonly guard?: (snapshot: ConfigSnapshot, planned: readonly PlannedDocument[]) => GuardStep;
};

export type ChangeOutcome = {
  /** 0: dry run, or nothing to change. */
  readonly revision: number;
  readonly changes: readonly ResourceChange[];
  readonly warnings: readonly CodedWarning[];
  readonly savedAt: number;
  readonly delivery: PendingDelivery | undefined;
  /** It is risky: some proxies have it first. */
  readonly push?: PushRef | undefined;
};
