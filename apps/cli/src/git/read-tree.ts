import { formatRef, type ParsedResource, parseResources } from "@heddle/resources";
import { GitError } from "../errors.ts";
import type { GitFolder } from "./git.ts";

const MAX_FILES = 5000;
const MAX_BYTES = 1_048_576;

/** A document as a commit holds it. */
export type CommittedDocument = ParsedResource & { readonly file: string };

/** The documents of a repository's newest commit. */
export type CommittedTree = {
  readonly commit: string;
  readonly subject: string;
  readonly author: string;
  /** By reference: `VirtualService shop/reviews`. */
  readonly documents: ReadonlyMap<string, CommittedDocument>;
};

/**
 * Reads the `.yaml` and `.yml` files in and below the folder as the newest commit has them; what is not committed does
 * not count, and links are passed over. Throws `GitError` for a file that is no good, or a document given twice.
 */
export async function readTree(folder: GitFolder): Promise<CommittedTree> {
  if (!(await folder.hasCommits())) throw new GitError(`${folder.dir} has no commit yet`);
  const listed = await folder.run(["ls-tree", "-r", "-z", "HEAD", "--", "."]);
  const files = listed.split("\0").flatMap((line) => {
    const [, file] = /^100(?:644|755) blob \w+\t(.+\.ya?ml)$/s.exec(line) ?? [];
    return file === undefined ? [] : [file];
  });
  if (files.length > MAX_FILES) {
    throw new GitError(`${folder.dir} holds ${files.length} YAML files; at most ${MAX_FILES}`);
  }
  const documents = new Map<string, CommittedDocument>();
  for (const file of files) {
    const parsed = parseResources(await folder.run(["show", `HEAD:./${file}`]));
    if (!parsed.ok) {
      const [fault] = parsed.faults;
      throw new GitError(`${file}: ${fault?.field ?? "text"}: ${fault?.message ?? "faulty"}`);
    }
    for (const one of parsed.resources) {
      const ref = formatRef(one.resource);
      const other = documents.get(ref);
      if (other) throw new GitError(`${ref} is in ${other.file} and in ${file}; keep one of them`);
      documents.set(ref, { ...one, file });
    }
  }
  const shown = await folder.run(["log", "-1", "--format=%H%x00%s%x00%an"]);
  const [commit = "", subject = "", author = ""] = shown.trim().split("\0");
  return { commit, subject, author, documents };
}

/** All documents as one text. Throws `GitError` if that is more than one revision takes. */
export function textOf({ documents }: CommittedTree): string {
  const text = [...documents.values()].map(({ yaml }) => yaml.trimEnd()).join("\n---\n");
  if (Buffer.byteLength(text) <= MAX_BYTES) return text;
  throw new GitError(
    `the documents are ${Buffer.byteLength(text)} bytes together; one revision takes ${MAX_BYTES}`,
  );
}
