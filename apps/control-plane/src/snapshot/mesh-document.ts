import type { Resource, ResourceKindName, Visibility } from "@heddle/resources";

/** A document as the mesh runs it. */
export type MeshDocument = {
  readonly resource: Resource;
  readonly yaml: string;
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** A source of the registry says it; `undefined`: somebody has applied it. */
  readonly origin?: DocumentOrigin | undefined;
};

/** Where in a source of the registry a document comes from. */
export type DocumentOrigin = {
  /** As `GET /registry/sources` names it: `directory /etc/heddle/registry`. */
  readonly source: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  /** It holds while this document does, by `formatRef`: the DnsSource it answers. */
  readonly dependsOn?: string | undefined;
};

/** A document of one kind. */
export type DocumentOf<Kind extends ResourceKindName> = Omit<MeshDocument, "resource"> & {
  readonly resource: Extract<Resource, { kind: Kind }>;
};

export function isOf<Kind extends ResourceKindName>(
  document: MeshDocument,
  kind: Kind,
): document is DocumentOf<Kind> {
  return document.resource.kind === kind;
}

/** The oldest first, as Istio ranks documents that rival each other; of equal age by namespace and name. */
export function byAge(a: MeshDocument, b: MeshDocument): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs;
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

function nameOf({ resource }: MeshDocument): string {
  return `${resource.namespace}/${resource.name}`;
}

/** Whether `exportTo` lets a namespace see a document; `undefined`: one that no list names. */
export function isVisibleTo(visibleTo: Visibility, namespace: string | undefined): boolean {
  return visibleTo === "*" || (namespace !== undefined && visibleTo.includes(namespace));
}

/** Whether some namespace sees both. */
export function overlaps(a: Visibility, b: Visibility): boolean {
  if (a === "*") return b === "*" || b.length > 0;
  return b === "*" ? a.length > 0 : a.some((namespace) => b.includes(namespace));
}
