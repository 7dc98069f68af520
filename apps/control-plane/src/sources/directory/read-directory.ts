import { constants } from "node:fs";
import { type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { formatRef, parseResources, readSources } from "@heddle/resources";
import type { SourceContent, SourceDocument, SourceFault } from "../source-content.ts";
import type { Reading } from "../take-reading.ts";

/** As a text that is applied. */
const MAX_FILE_BYTES = 1_048_576;
const MAX_FILES = 1000;
const MAX_BYTES = 16 * 1_048_576;
const MAX_DOCUMENTS = 5000;
const KINDS = ["WorkloadEntry", "ServiceEntry", "Service"];
const NAME = /^[^.].*\.(ya?ml|json)$/i;
/** Written by everybody: whoever may put a file there says where the mesh sends its requests. */
const WRITABLE_BY_ALL = 0o002;

/** How a file was when it was looked at; of one that is the same the content is, too. */
type Look = string;

type ReadFile = {
  readonly look: Look;
  readonly documents: readonly Omit<SourceDocument, "createdAtMs">[];
  readonly faults: readonly SourceFault[];
};

/**
 * The YAML files of one folder, read once for each time they change. What changes is taken when two looks in a
 * row have found it the same: a file half written, or gone for the moment in which an editor renames another to its
 * name, is not.
 */
export class WatchedDirectory {
  readonly #path: string;
  readonly #files = new Map<string, ReadFile>();
  /** What was found otherwise at the last look; absent: a file that was missing. */
  readonly #unsettled = new Map<string, Look>();
  /** Files that are not there, though `before` may have something of them that is held. */
  readonly #gone = new Set<string>();
  #isMissing = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What it says now. A file that is faulty, or not settled yet, says what `before` has of it. `isSettled`: nothing
   * was found that has to be looked at once more.
   */
  async read(
    before: SourceContent,
  ): Promise<{ readonly reading: Reading; readonly isSettled: boolean }> {
    const found = await this.#look();
    if (typeof found === "string") {
      // It may be about to be replaced as a whole: the second look in a row counts.
      const isSettled = this.#isMissing;
      this.#isMissing = true;
      const { documents, faults } = before;
      const reading = isSettled
        ? { documents: undefined, faults: [{ message: found }] }
        : { documents, faults };
      return { reading, isSettled };
    }
    this.#isMissing = false;
    const isSettled = await this.#readChanged(found, before);
    return { reading: this.#compose(before), isSettled };
  }

  /** The looks of all files by name; a sentence: why it cannot be read. */
  async #look(): Promise<ReadonlyMap<string, Look> | string> {
    try {
      const { mode } = await stat(this.#path);
      if ((mode & WRITABLE_BY_ALL) !== 0) {
        return `everybody on this host may write to ${this.#path}, and so send the mesh's requests anywhere: take that away (chmod o-w)`;
      }
      const names = (await readdir(this.#path)).filter((name) => NAME.test(name)).sort();
      if (names.length > MAX_FILES) {
        return `${this.#path} holds ${names.length} files; at most ${MAX_FILES} are read. Put several documents into one.`;
      }
      const looks = await Promise.all(names.map((name) => this.#lookAt(name)));
      return new Map(
        names.flatMap((name, at) => (looks[at] === undefined ? [] : [[name, looks[at]]])),
      );
    } catch (error) {
      return `${this.#path} cannot be read: ${reasonOf(error)}`;
    }
  }

  async #lookAt(name: string): Promise<Look | undefined> {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(join(this.#path, name));
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch {
      return undefined; // gone since it was listed, or a link to nothing
    }
  }

  async #readChanged(
    looks: ReadonlyMap<string, Look>,
    { documents }: SourceContent,
  ): Promise<boolean> {
    const known = documents.flatMap(({ file }) => file ?? []);
    const names = new Set([...looks.keys(), ...this.#files.keys(), ...known]);
    for (const name of names) {
      const look = looks.get(name);
      if (look !== undefined) this.#gone.delete(name);
      const isAsKnown =
        look === undefined ? this.#gone.has(name) : look === this.#files.get(name)?.look;
      if (isAsKnown) {
        this.#unsettled.delete(name);
      } else if (this.#unsettled.get(name) !== (look ?? "")) {
        this.#unsettled.set(name, look ?? "");
      } else {
        this.#unsettled.delete(name);
        if (look === undefined) {
          this.#files.delete(name);
          this.#gone.add(name);
        } else this.#files.set(name, await this.#readFile(name, look));
        await setImmediate(); // streams and changes wait for no folder
      }
    }
    return this.#unsettled.size === 0;
  }

  async #readFile(name: string, look: Look): Promise<ReadFile> {
    const text = await this.#readText(name);
    if ("message" in text) return { look, documents: [], faults: [{ file: name, ...text }] };
    return { look, ...parseFile(name, text.text) };
  }

  async #readText(name: string): Promise<{ readonly text: string } | { readonly message: string }> {
    let file: FileHandle | undefined;
    try {
      const home = await realpath(this.#path);
      const path = await realpath(join(this.#path, name));
      if (!path.startsWith(home + sep)) {
        return { message: "is a link to a place outside the directory, which is not read" };
      }
      // Without waiting: a pipe would never answer.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const about = await file.stat();
      if (!about.isFile()) return { message: "is no file" };
      if (about.size > MAX_FILE_BYTES) {
        return { message: `has ${about.size} bytes; at most ${MAX_FILE_BYTES} are read` };
      }
      const buffer = Buffer.alloc(about.size + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > about.size) return { message: "grew while it was read; it is read again" };
      return { text: buffer.toString("utf8", 0, bytesRead) };
    } catch (error) {
      return { message: `cannot be read: ${reasonOf(error)}` };
    } finally {
      await file?.close();
    }
  }

  #compose(before: SourceContent): Reading {
    const nowMs = Date.now();
    const faults: SourceFault[] = [];
    const documents = new Map<string, SourceDocument>();
    const add = (one: SourceDocument) => {
      const ref = formatRef(one);
      const earlier = documents.get(ref);
      if (!earlier) {
        documents.set(ref, one);
      } else if (earlier.file !== one.file) {
        const { file, line } = one;
        const message = `${ref} stands in ${earlier.file} already, which holds; take one of them away`;
        faults.push({
          ...(file === undefined ? {} : { file }),
          ...(line === undefined ? {} : { line }),
          message,
        });
      }
    };
    const files = [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, file] of files) {
      faults.push(...file.faults);
      const isFaulty = file.faults.length > 0;
      const named = isFaulty
        ? before.documents.filter((one) => one.file === name)
        : file.documents.map((one) => ({ ...one, createdAtMs: nowMs }));
      for (const one of named) add(one);
    }
    for (const name of this.#unsettled.keys()) {
      if (this.#files.has(name)) continue; // it says what it said
      for (const one of before.documents) if (one.file === name) add(one);
    }
    const bytes = [...documents.values()].reduce((sum, { yaml }) => sum + yaml.length, 0);
    if (documents.size > MAX_DOCUMENTS || bytes > MAX_BYTES) {
      const message = `${documents.size} documents of ${bytes} bytes; at most ${MAX_DOCUMENTS} of ${MAX_BYTES} bytes are taken. What was in force stays.`;
      return { documents: before.documents, faults: [{ message }] };
    }
    return { documents: [...documents.values()], faults };
  }
}

/** The documents of a file, or everything that is wrong with it. */
export function parseFile(file: string, text: string): Pick<ReadFile, "documents" | "faults"> {
  const { documents: sources, unreadable } = readSources(text);
  const lineOf = (index: number) => sources[index]?.locate([])?.line;
  const broken = unreadable.map(({ message, at }) => ({ file, line: at.line, message }));
  if (broken.length > 0) return { documents: [], faults: broken };
  const parsed = parseResources(text);
  if (!parsed.ok) {
    const faults = parsed.faults.map(({ field, message }): SourceFault => {
      const number = /^document (\d+)/.exec(field)?.[1];
      const path = /: (spec.*|metadata.*|kind|apiVersion)$/.exec(field)?.[1] ?? "";
      const document = number === undefined ? undefined : sources[Number(number) - 1];
      const line = document?.locate(stepsOf(path))?.line;
      return { file, ...(line === undefined ? {} : { line }), message: `${field}: ${message}` };
    });
    return { documents: [], faults };
  }
  const foreign = sources.flatMap(({ resource, passedOver }, index): SourceFault[] => {
    if (resource && KINDS.includes(resource.kind)) return [];
    const what = resource ? formatRef(resource) : `document ${index + 1}`;
    const why = passedOver === undefined ? "" : `: ${passedOver}`;
    const line = lineOf(index);
    const message = `${what} is none of ${KINDS.join(", ")}, which alone are read from a directory; apply it instead${why}`;
    return [{ file, ...(line === undefined ? {} : { line }), message }];
  });
  if (foreign.length > 0) return { documents: [], faults: foreign };
  const documents = parsed.resources.map(({ resource: { kind, namespace, name }, yaml }) => {
    const index = sources.findIndex(
      ({ resource }) =>
        resource !== undefined && formatRef(resource) === formatRef({ kind, namespace, name }),
    );
    const line = lineOf(index);
    return { kind, namespace, name, yaml, file, ...(line === undefined ? {} : { line }) };
  });
  return { documents, faults: [] };
}

/** `spec.ports[0].number` as the steps of a path. */
function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) =>
    index === undefined ? (name ?? "") : Number(index),
  );
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return "it is not there (ENOENT)";
  if (code === "EACCES" || code === "EPERM") return `it may not be read by this process (${code})`;
  return error instanceof Error ? error.message : String(error);
}
