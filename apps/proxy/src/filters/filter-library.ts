import { type FSWatcher, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FilterDefinition } from "@heddle/filter-api";
import type { Logger } from "@heddle/runtime";
import { importFilter } from "./filter-module.ts";

/** One filter's code, as it lies in the folder. */
export type FilterFile = {
  readonly name: string;
  readonly url: string;
  /** Another one whenever the file has changed. */
  readonly version: string;
  readonly definition: FilterDefinition<unknown>;
};

const FILE = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.(?:ts|mts|js|mjs)$/;
/** Editors write a file in several steps. */
const SETTLE_MS = 150;

/**
 * The filters this proxy can run: the files of one folder, named in its own configuration. Code never
 * comes from the control plane. A file that cannot be loaded leaves the filter it held before.
 */
export class FilterLibrary {
  readonly folder: string | undefined;
  readonly #logger: Logger;
  readonly #files = new Map<string, FilterFile>();
  /** Why files could not be loaded, by filter name. */
  readonly #faults = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #settling: NodeJS.Timeout | undefined;

  /** `folder` left out: there are no filters. */
  constructor(folder: string | undefined, logger: Logger) {
    this.folder = folder;
    this.#logger = logger;
  }

  get names(): readonly string[] {
    return [...this.#files.keys()];
  }

  get faults(): ReadonlyMap<string, string> {
    return this.#faults;
  }

  find(name: string): FilterFile | undefined {
    return this.#files.get(name);
  }

  /** Reads what has changed. Rejects when the folder cannot be read. True: something has changed. */
  async load(): Promise<boolean> {
    if (this.folder === undefined) return false;
    let hasChanged = false;
    const there = new Set<string>();
    for (const file of (await readdir(this.folder)).toSorted()) {
      const name = FILE.exec(file)?.[1];
      if (name === undefined || there.has(name)) continue;
      there.add(name);
      hasChanged = (await this.#loadFile(name, join(this.folder, file))) || hasChanged;
    }
    for (const name of this.#files.keys()) {
      if (there.has(name)) continue;
      this.#files.delete(name);
      hasChanged = true;
    }
    return hasChanged;
  }

  async #loadFile(name: string, path: string): Promise<boolean> {
    const { mtimeMs, size } = await stat(path);
    const version = `${Math.round(mtimeMs)}-${size}`;
    if (this.#files.get(name)?.version === version) return false;
    const url = pathToFileURL(path).href;
    try {
      const definition = await importFilter(url, name, version);
      this.#files.set(name, { name, url, version, definition });
      this.#faults.delete(name);
      this.#logger.info({ filter: name, path }, "loaded a filter");
      return true;
    } catch (error) {
      this.#faults.set(name, (error as Error).message);
      this.#logger.error({ filter: name, path, err: error }, "a filter's file cannot be used");
      return false;
    }
  }

  /** Calls `onChanged` whenever a file has been changed, added or taken away, and loaded. */
  watch(onChanged: () => void): void {
    if (this.folder === undefined) return;
    this.#watcher = watch(this.folder, { persistent: false }, () => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => void this.#reload(onChanged), SETTLE_MS);
    });
    this.#watcher.on("error", (error) =>
      this.#logger.warn({ err: error }, "the filters folder is no longer watched"),
    );
  }

  async #reload(onChanged: () => void): Promise<void> {
    try {
      if (await this.load()) onChanged();
    } catch (error) {
      this.#logger.warn({ err: error }, "the filters folder cannot be read");
    }
  }

  close(): void {
    clearTimeout(this.#settling);
    this.#watcher?.close();
  }
}
