import { formatRef, parseResources, type ResourceRef } from "@heddle/resources";
import type { Logger } from "@heddle/runtime";
import { type ConfigDb, loadChangesSince, loadDocuments, type StoredDocument } from "@heddle/store";
import type { MeshDocument } from "../snapshot/config-snapshot.ts";

/** The documents as the database keeps them. */
export class StoredDocuments {
  readonly #db: ConfigDb;
  readonly #logger: Logger;
  /** Those this version refuses, with their revisions; they can be replaced. */
  readonly #unreadable = new Map<string, number>();

  constructor(db: ConfigDb, logger: Logger) {
    this.#db = db;
    this.#logger = logger;
  }

  /** What this version understands of them, by reference, and the newest revision. */
  async load(): Promise<{ revision: number; documents: ReadonlyMap<string, MeshDocument> }> {
    const { documents, revision } = await loadDocuments(this.#db);
    this.#unreadable.clear();
    const parsed = documents.flatMap((stored) => this.#parse(stored) ?? []);
    return { revision, documents: new Map(parsed.map((one) => [formatRef(one.resource), one])) };
  }

  /** `documents` of revision `since`, with all that has changed after it. */
  async loadSince(
    since: number,
    documents: ReadonlyMap<string, MeshDocument>,
  ): Promise<{ revision: number; documents: ReadonlyMap<string, MeshDocument> }> {
    const changed = await loadChangesSince(this.#db, since);
    const next = new Map(documents);
    for (const { stored, ...one } of changed.documents) {
      const key = `${one.kind} ${one.namespace}/${one.name}`;
      this.#unreadable.delete(key);
      const parsed = stored && this.#parse(stored);
      if (parsed) next.set(formatRef(parsed.resource), parsed);
      else next.delete(key);
    }
    return { revision: changed.revision, documents: next };
  }

  /** Of a document that was not understood; 0: it is no such document. */
  revisionOfUnreadable(ref: ResourceRef): number {
    return this.#unreadable.get(formatRef(ref)) ?? 0;
  }

  /** These have been written anew. */
  onReplaced(keys: Iterable<string>): void {
    for (const key of keys) this.#unreadable.delete(key);
  }

  /** `undefined`: it was taken by an earlier version of Heddle and is refused by this one. */
  #parse(stored: StoredDocument): MeshDocument | undefined {
    const { kind, namespace, name, yaml, revision, createdAtMs, updatedAtMs } = stored;
    const parsed = parseResources(yaml);
    const [only] = parsed.ok ? parsed.resources : [];
    if (only) return { resource: only.resource, yaml, revision, createdAtMs, updatedAtMs };
    const document = `${kind} ${namespace}/${name}`;
    const faults = parsed.ok ? [] : parsed.faults;
    this.#unreadable.set(document, revision);
    this.#logger.error(
      { document, revision, faults },
      "stored document not understood; without it",
    );
    return undefined;
  }
}
