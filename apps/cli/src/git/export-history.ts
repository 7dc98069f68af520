import { RevisionDetail, type RevisionSummary, RevisionsResponse } from "@heddle/contracts";
import type { ApiClient } from "../api/api-client.ts";
import { GitError } from "../errors.ts";
import { writeDocument } from "./document-files.ts";
import type { GitFolder } from "./git.ts";

const PAGE = 200;
const TRAILER = "Heddle-Revision";

/** What an export did: how many commits, and the newest revision that is in git now (0: none). */
export type Exported = { readonly commits: number; readonly revision: number };

/**
 * Brings a repository up to the newest revision: one commit a revision, each with its author, time and reason, the
 * documents it touched one a file. Goes on where the last export ended, which the newest commit's trailer tells.
 */
export async function exportHistory(api: ApiClient, folder: GitFolder): Promise<Exported> {
  const dirty = await folder.run(["status", "--porcelain", "--", "."]);
  if (dirty !== "") {
    throw new GitError(
      `${folder.dir} has changes that are not committed; commit or stash them first`,
    );
  }
  const last = await findExported(folder);
  const missing = await findSince(api, last);
  for (const one of missing) {
    const detail = await api.ask(RevisionDetail, `/revisions/${one.revision}`);
    try {
      for (const change of detail.changes) writeDocument(folder.dir, change, change.after);
      await folder.run(["add", "-A", "--", "."]);
      await commit(folder, detail);
    } catch (error) {
      await takeBack(folder);
      throw error;
    }
  }
  return { commits: missing.length, revision: missing.at(-1)?.revision ?? last };
}

/** Half a revision is not left behind. All that is not committed here is ours: it was clean before. */
async function takeBack(folder: GitFolder): Promise<void> {
  if (!(await folder.hasCommits())) return;
  await folder.run(["reset", "-q", "--", "."]);
  await folder.run(["checkout", "-q", "HEAD", "--", "."]);
  await folder.run(["clean", "-fdq", "--", "."]);
}

/** The newest revision that was exported here; 0: none. */
export async function findExported(folder: GitFolder): Promise<number> {
  if (!(await folder.hasCommits())) return 0;
  const format = `--format=%(trailers:key=${TRAILER},valueonly)`;
  const found = await folder.run(["log", "-1", format, `--grep=^${TRAILER}: [0-9]`]);
  return Number(/\d+/.exec(found)?.[0] ?? 0);
}

/** Oldest first. */
async function findSince(api: ApiClient, last: number): Promise<RevisionSummary[]> {
  const found: RevisionSummary[] = [];
  let before: number | undefined;
  do {
    const query = { limit: PAGE, before };
    const page = await api.ask(RevisionsResponse, "/revisions", { query });
    found.push(...page.revisions.filter(({ revision }) => revision > last));
    const isReached = page.revisions.some(({ revision }) => revision <= last);
    before = isReached ? undefined : page.nextBefore;
  } while (before !== undefined);
  return found.reverse();
}

/** A revision that changed nothing of the files (it came from here) is a commit too: git then tells how far it is. */
async function commit(folder: GitFolder, one: RevisionDetail): Promise<void> {
  const who = one.author.replace(/[<>\r\n]/g, "").trim() || "unknown";
  const message = [
    one.summary.replace(/\s+/g, " "),
    "",
    ...(one.reason === undefined ? [] : [one.reason.trim(), ""]),
    `${TRAILER}: ${one.revision}`,
    `Heddle-Author: ${who}`,
    `Heddle-Source: ${one.source}`,
  ].join("\n");
  const author = `--author=${who} <${who.replace(/[^\w.-]/g, "-")}@heddle.invalid>`;
  const date = `--date=${new Date(one.createdAtMs).toISOString()}`;
  const flags = ["-q", "--allow-empty", "--cleanup=whitespace", author, date, "-F", "-"];
  await folder.run(["commit", ...flags], { input: message });
}
