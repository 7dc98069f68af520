import { formatApiVersion, KINDS } from "./kinds.ts";
import { RESOURCE_KINDS, type ResourceKindName } from "./resource.ts";
import type { FieldStatus } from "./schema/field-status.ts";
import { listFields } from "./schema/walk-schema.ts";

/**
 * What Heddle does with one field of a kind, e.g.
 * `{ kind: "VirtualService", field: "spec.http[].timeout", status: "supported", note: undefined }`.
 * A field not listed below one that is `refused` or `accepted-without-effect` shares its lot.
 */
export type CompatibilityEntry = {
  readonly kind: ResourceKindName;
  /** `[]` stands for an item of a list, `*` for a key of a map. */
  readonly field: string;
  readonly status: FieldStatus;
  /** Why it is refused or has no effect, or how it differs. */
  readonly note: string | undefined;
};

/** The kinds with the versions they may be written in. */
export function listKinds(): { readonly kind: ResourceKindName; readonly apiVersions: string[] }[] {
  return RESOURCE_KINDS.map((kind) => {
    const { group, versions } = KINDS[kind];
    return { kind, apiVersions: versions.map((version) => formatApiVersion(group, version)) };
  });
}

/**
 * Every field of every kind's spec, read off the schemas themselves, so that nothing can be missing.
 * Levels that share a schema with another (a subset's trafficPolicy) are listed once, where they come first.
 */
export function listCompatibility(): CompatibilityEntry[] {
  return RESOURCE_KINDS.flatMap((kind) =>
    listFields(KINDS[kind].schema)
      .filter(({ path }) => path.startsWith("spec."))
      .filter(({ path }) => !REPEATED.test(path))
      .map(({ path, mark }) => ({
        kind,
        field: path,
        status: mark?.status ?? "supported",
        note: mark?.note,
      })),
  );
}

const REPEATED =
  /(subsets\[\]\.trafficPolicy|portLevelSettings\[\]|ingress\[\]\.connectionPool|targetRefs\[\]|mirrors\[\]\.destination|route\[\]\.headers)\./;

/** What becomes of a field that is named as in `CompatibilityEntry`; `undefined`: no such field. */
export function findCompatibility(
  entries: readonly CompatibilityEntry[],
  kind: string,
  field: string,
): CompatibilityEntry | undefined {
  const steps = field.replaceAll("[]", "").split(".");
  for (let length = steps.length; length > 1; length--) {
    const wanted = steps.slice(0, length).join(".");
    const found = entries.find(
      (entry) => entry.kind === kind && entry.field.replaceAll("[]", "") === wanted,
    );
    if (!found) continue;
    const isIdle = found.status === "refused" || found.status === "accepted-without-effect";
    return length === steps.length || isIdle ? found : undefined;
  }
  return undefined;
}
