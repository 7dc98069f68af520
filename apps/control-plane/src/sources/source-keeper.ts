import { formatRef, parseResources } from "@heddle/resources";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  deleteSource,
  loadSources,
  type StoredSource,
  saveSource,
} from "@heddle/store";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import type { MeshDocument } from "../snapshot/mesh-document.ts";
import { emptyContent, SourceContent, type SourceDocument } from "./source-content.ts";

export type SourceKind = "directory" | "dns";

/** A source as it is known here. */
export type KnownSource = {
  readonly name: string;
  readonly kind: SourceKind;
  readonly content: SourceContent;
};

const MAX_ATTEMPTS = 5;
/** That a source was read and is as before is not worth a write more often than this. */
const QUIET_WRITE_MS = 60_000;

/**
 * What sources of the registry have said last, as the database keeps it for all control planes: whoever reads a
 * source writes it there, each takes over what stands there, and it stays in force when the source is away.
 */
export class SourceKeeper {
  readonly #parts: {
    readonly db: ConfigDb;
    readonly config: MeshConfig;
    readonly logger: Logger;
    /** What is known of a source has changed. */
    readonly onChange: () => void;
    /** This control plane has written it: others are to look. */
    readonly onWritten: () => void;
  };
  #rows: ReadonlyMap<string, StoredSource> = new Map();
  readonly #known = new Map<string, KnownSource>();
  readonly #writtenAtMs = new Map<string, number>();
  #isLooking = false;
  /** One after the other: what was read must not take the place of what was written meanwhile. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    readonly db: ConfigDb;
    readonly config: MeshConfig;
    readonly logger: Logger;
    readonly onChange: () => void;
    readonly onWritten: () => void;
  }) {
    this.#parts = parts;
  }

  /** By name. */
  list(): KnownSource[] {
    return [...this.#known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): KnownSource | undefined {
    return this.#known.get(name);
  }

  /** Takes over what the database has, with the documents it makes hold. Throws `DatabaseUnavailableError`. */
  load(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  async #load(): Promise<void> {
    const rows = await loadSources(this.#parts.db, this.#rows);
    const isSame =
      rows.length === this.#rows.size && rows.every((row) => this.#rows.get(row.name) === row);
    if (isSame) return;
    this.#rows = new Map(rows.map((row) => [row.name, row]));
    for (const name of [...this.#known.keys()]) {
      if (!this.#rows.has(name)) this.#known.delete(name);
    }
    for (const row of rows) {
      const content = SourceContent.safeParse(row.content).data;
      if (content && (row.kind === "directory" || row.kind === "dns")) {
        this.#known.set(row.name, { name: row.name, kind: row.kind, content });
      } else {
        this.#parts.logger.warn({ source: row.name }, "source not understood; without its news");
      }
    }
    await this.#takeOver();
  }

  /** Another control plane may have written something. */
  look(): void {
    if (this.#isLooking) return; // the next second's look finds what this one has missed
    this.#isLooking = true;
    this.load()
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError) return; // the next look finds it
        this.#parts.logger.error({ err: toHeddleError(error) }, "sources not read");
      })
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** Changes what stands of a source, and makes it hold. Whoever was faster is looked at first. */
  change(
    name: string,
    kind: SourceKind,
    change: (content: SourceContent) => SourceContent,
  ): Promise<SourceContent> {
    return this.#inTurn(() => this.#change(name, kind, change));
  }

  async #change(
    name: string,
    kind: SourceKind,
    change: (content: SourceContent) => SourceContent,
  ): Promise<SourceContent> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const row = this.#rows.get(name);
      const before = this.#known.get(name)?.content ?? emptyContent(Date.now());
      const content = change(before);
      if (row !== undefined && this.#isOldNews(name, before, content)) {
        this.#known.set(name, { name, kind, content });
        return content;
      }
      const next = { name, kind, version: (row?.version ?? 0) + 1, content };
      if (await saveSource(this.#parts.db, next)) {
        this.#rows = new Map([...this.#rows, [name, next]]);
        this.#known.set(name, { name, kind, content });
        this.#writtenAtMs.set(name, Date.now());
        await this.#takeOver();
        this.#parts.onWritten();
        return content;
      }
      await this.#load();
    }
    throw new Error(`${name}: others have written it ${MAX_ATTEMPTS} times meanwhile`);
  }

  /** It is no source any more. */
  forget(name: string): Promise<void> {
    return this.#inTurn(() => this.#forget(name));
  }

  async #forget(name: string): Promise<void> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const row = this.#rows.get(name);
      if (!row) return;
      if (await deleteSource(this.#parts.db, row)) break;
      await this.#load();
    }
    await this.#load();
    this.#parts.onWritten();
  }

  /** The documents in force if `documents` were what the source named: those of others go on. */
  documentsWith(name: string, documents: readonly SourceDocument[]): Map<string, MeshDocument> {
    const before = this.#parts.config.snapshot.sourced;
    const sources = this.list().map((one) => ({
      name: one.name,
      documents: one.name === name ? documents : one.content.documents,
    }));
    if (!this.#known.has(name)) sources.push({ name, documents });
    const merged = new Map<string, MeshDocument>();
    // Of two sources that name one document the first by name holds: on every control plane the same.
    for (const source of sources.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      for (const document of source.documents) {
        const ref = formatRef(document);
        if (merged.has(ref)) continue;
        const made = toMeshDocument(source.name, document, before.get(ref));
        if (made) merged.set(ref, made);
      }
    }
    return merged;
  }

  async #inTurn<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const turn = this.#line.then(work);
    this.#line = turn.catch(() => undefined); // its caller hears of it; the next goes on
    return turn;
  }

  async #takeOver(): Promise<void> {
    const documents = this.documentsWith("", []);
    const { sourced } = this.#parts.config.snapshot;
    const isSame =
      documents.size === sourced.size &&
      [...documents].every(([ref, one]) => sourced.get(ref) === one);
    if (!isSame) await this.#parts.config.takeSourced(documents);
    this.#parts.onChange();
  }

  /** Nothing but the time at which it was read is new, and that was written lately. */
  #isOldNews(name: string, before: SourceContent, now: SourceContent): boolean {
    const isRecent = Date.now() - (this.#writtenAtMs.get(name) ?? 0) < QUIET_WRITE_MS;
    return isRecent && newsOf(before) === newsOf(now);
  }
}

function newsOf(content: SourceContent): string {
  const answers = content.lookups?.map(({ name, type, state, ttlSeconds, endpoints }) => {
    return { name, type, state, ttlSeconds, endpoints };
  });
  return JSON.stringify({ ...content, lastReadAtMs: undefined, lookups: answers });
}

/** The same object as before while it is the same: what is compiled of it is then kept. */
function toMeshDocument(
  source: string,
  { yaml, file, line, createdAtMs, dependsOn }: SourceDocument,
  before: MeshDocument | undefined,
): MeshDocument | undefined {
  const origin = { source, file, line, dependsOn };
  const isSame =
    before?.yaml === yaml &&
    before.createdAtMs === createdAtMs &&
    JSON.stringify(before.origin) === JSON.stringify(origin);
  if (isSame) return before;
  const parsed = parseResources(yaml);
  const [only] = parsed.ok ? parsed.resources : [];
  if (!only) return undefined; // written by a newer version
  const { resource } = only;
  return { resource, yaml, revision: 0, createdAtMs, updatedAtMs: createdAtMs, origin };
}
