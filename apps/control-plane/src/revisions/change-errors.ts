import type { DocumentMerge } from "@heddle/contracts";
import type { Fault } from "@heddle/resources";
import { HeddleError } from "@heddle/runtime";

/** Documents that cannot be taken; `faults` names every one. */
export class ConfigFaultsError extends HeddleError {
  override readonly name = "ConfigFaultsError";
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    const [first] = faults;
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
    super("HEDDLE_BAD_DOCUMENT", `${first?.field ?? "text"}: ${first?.message ?? "faulty"}${more}`);
    this.faults = faults;
  }
}

/** A document has moved on since the caller read it. `merges`: what he, and those in between, made of each. */
export class RevisionConflictError extends HeddleError {
  override readonly name = "RevisionConflictError";
  readonly stale: readonly Fault[];
  readonly merges: readonly DocumentMerge[];
  constructor(stale: readonly Fault[], merges: readonly DocumentMerge[] = []) {
    const which = stale.map(({ field, message }) => `${field} ${message}`).join("; ");
    super("HEDDLE_REVISION_CONFLICT", `someone else changed it first: ${which || "try again"}`);
    this.stale = stale;
    this.merges = merges;
  }
}

/** More changes wait than may wait. */
export class TooManyChangesError extends HeddleError {
  override readonly name = "TooManyChangesError";
  constructor(limit: number) {
    super("HEDDLE_TOO_MANY_CHANGES", `${limit} changes are waiting already; try again`);
  }
}

/** What the path names is not there. */
export class NotFoundError extends HeddleError {
  override readonly name = "NotFoundError";
  constructor(what: string) {
    super("HEDDLE_NOT_FOUND", what);
  }
}

/** The change would have no effect or another than asked for, because of what else is there. */
export class ChangeRefusedError extends HeddleError {
  override readonly name = "ChangeRefusedError";
  constructor(why: string) {
    super("HEDDLE_CHANGE_REFUSED", why);
  }
}
