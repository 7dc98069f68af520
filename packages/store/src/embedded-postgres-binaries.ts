import {
  chmodSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { findBarrier, type ServerUser } from "./embedded-postgres-user.ts";

/** `libDir` must be on the loader's path: the binaries bring their own libssl and libicu. */
export type PostgresBinaries = {
  readonly postgres: string;
  readonly initdb: string;
  readonly libDir: string;
  readonly majorVersion: string;
};

/**
 * The binaries of the npm package for this platform, their links made (npm runs no install scripts
 * here), in a place that `user` can reach: where they are, or else copied beside the data folder.
 */
export function findBinaries(dataDir: string, user: ServerUser | undefined): PostgresBinaries {
  const packageDir = platformPackageDir();
  const { version } = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8")) as {
    version: string;
  };
  makeLinks(packageDir);
  const native = join(packageDir, "native");
  const isReachable = user === undefined || findBarrier(native, user) === undefined;
  const home = isReachable ? native : copyBeside(native, dataDir, version);
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    postgres: join(home, "bin", `postgres${suffix}`),
    initdb: join(home, "bin", `initdb${suffix}`),
    libDir: join(home, "lib"),
    majorVersion: version.split(".")[0] ?? version,
  };
}

function platformPackageDir(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // dist/index.js is all the package exports; its folder's parent holds `native`.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "unsupported-platform",
      `no embedded PostgreSQL is installed for ${process.platform} ${process.arch} (npm package ${name}); set DATABASE_URL to a PostgreSQL server`,
      { cause },
    );
  }
}

/** What the package's own install script does: libpq.so.5 → libpq.so.5.18 and so on. */
function makeLinks(packageDir: string): void {
  const list = join(packageDir, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    try {
      symlinkSync(basename(source), join(packageDir, target));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") continue;
      throw new EmbeddedPostgresError(
        "failed",
        `cannot link ${join(packageDir, target)} (${code}); run once as the owner of node_modules`,
        { cause: error },
      );
    }
  }
}

function copyBeside(native: string, dataDir: string, version: string): string {
  const copy = join(dirname(dataDir), `postgresql-${version}`);
  if (existsSync(copy)) return copy;
  const partial = `${copy}.partial`;
  rmSync(partial, { recursive: true, force: true });
  try {
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") throw cause;
    throw new EmbeddedPostgresError(
      "disk-full",
      `the disk that holds ${dirname(dataDir)} is full; PostgreSQL's binaries need 60 MB there`,
      { cause },
    );
  }
  chmodSync(partial, 0o755);
  renameSync(partial, copy); // all of it or none
  return copy;
}
