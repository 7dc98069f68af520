import { chmod, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InvalidConfigError, type Logger } from "@heddle/runtime";
import type { z } from "zod";

/**
 * What a proxy keeps over restarts: JSON files (0600) in folders only it may read (0700), each
 * replaced as a whole. A write that fails is logged and made again with the next change; the data
 * path never waits for it.
 */
export class DataFolder {
  readonly #dir: string;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, unknown>();
  readonly #writing = new Map<string, Promise<void>>();
  #isFailing = false;

  private constructor(dir: string, logger: Logger) {
    this.#dir = dir;
    this.#logger = logger;
  }

  /** Throws `InvalidConfigError` when the folder can be neither made nor used. */
  static async open(dir: string, logger: Logger): Promise<DataFolder> {
    try {
      await mkdir(join(dir, "identities"), { recursive: true, mode: 0o700 });
      await chmod(dir, 0o700); // keys lie in it; it may have been made by hand
      await replace(join(dir, "write-check"), "");
    } catch (error) {
      throw new InvalidConfigError(
        `HEDDLE_DATA_DIR: cannot write to ${dir}: ${(error as Error).message}`,
      );
    }
    return new DataFolder(dir, logger);
  }

  /** `undefined`: not there, or not readable as what it should be (logged). */
  async read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return schema.parse(JSON.parse(await readFile(join(this.#dir, name), "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      this.#logger.warn(
        { file: name, err: error },
        "a saved file cannot be used; going on without it",
      );
      return undefined;
    }
  }

  /** Writes soon; of several values for one file only the latest is written. */
  save(name: string, value: unknown): void {
    this.#waiting.set(name, value);
    if (this.#writing.has(name)) return;
    const writing = this.#write(name).finally(() => this.#writing.delete(name));
    this.#writing.set(name, writing);
  }

  /** Resolves when all that was saved lies on disk (or has failed to). */
  async flush(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  async #write(name: string): Promise<void> {
    while (this.#waiting.has(name)) {
      const text = JSON.stringify(this.#waiting.get(name));
      this.#waiting.delete(name);
      try {
        await replace(join(this.#dir, name), text);
        this.#isFailing = false;
      } catch (error) {
        if (!this.#isFailing) {
          this.#logger.error(
            { file: name, err: error },
            "cannot save; a restart would use older state",
          );
        }
        this.#isFailing = true;
      }
    }
  }
}

/** Readers see the old text or the new one, also after a crash. */
async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
