import { lstatSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { GitError } from "../errors.ts";

/** What names a document. */
export type DocumentName = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
};

const SAFE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** Where a document lies below the exported folder: `shop/VirtualService/reviews.yaml`. */
export function fileOf({ kind, namespace, name }: DocumentName): string {
  for (const part of [kind, namespace, name]) {
    if (!SAFE.test(part) || part.includes("..")) {
      throw new GitError(`${kind} ${namespace}/${name}: "${part}" cannot be the name of a file`);
    }
  }
  return join(namespace, kind, `${name}.yaml`);
}

/** Writes a document below `dir`; `undefined` takes it away. Refuses to follow a link out of the folder. */
export function writeDocument(dir: string, document: DocumentName, yaml: string | undefined): void {
  const file = join(dir, fileOf(document));
  if (yaml === undefined) {
    if (isInside(dir, file)) rmSync(file, { force: true });
    return;
  }
  refuseLinks(dir, document);
  mkdirSync(dirname(file), { recursive: true });
  if (!isInside(dir, file)) throw new GitError(`${file} leads out of ${dir}; it is not written`);
  writeFileSync(file, yaml.endsWith("\n") ? yaml : `${yaml}\n`);
}

/** Checked before folders are made, so that none is made behind a link. */
function refuseLinks(dir: string, { kind, namespace, name }: DocumentName): void {
  const parts = [namespace, join(namespace, kind), join(namespace, kind, `${name}.yaml`)];
  for (const part of parts) {
    const path = join(dir, part);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new GitError(
        `${path} is a link; take it away, documents are not written through links`,
      );
    }
  }
}

function isInside(dir: string, file: string): boolean {
  const folder = lstatSync(dirname(file), { throwIfNoEntry: false });
  if (folder === undefined) return false;
  return `${realpathSync(dirname(file))}${sep}`.startsWith(`${realpathSync(dir)}${sep}`);
}
