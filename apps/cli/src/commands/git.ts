import { setTimeout as wait } from "node:timers/promises";
import {
  ApplyResponse,
  type DriftReport,
  DriftResponse,
  type ResourceDocument,
  ResourceKind,
} from "@heddle/contracts";
import { formatRef } from "@heddle/resources";
import { type Command } from "commander";
import { askAppliedDocuments } from "../api/applied-documents.ts";
import { DriftError, GitError, UsageError } from "../errors.ts";
import { exportHistory, findExported } from "../git/export-history.ts";
import { findDrift } from "../git/find-drift.ts";
import { GitFolder } from "../git/git.ts";
import { type CommittedTree, readTree, textOf } from "../git/read-tree.ts";
import { formatTable } from "../print/table.ts";
import { formatApplied, formatDiff } from "./apply.ts";
import { type OutputOptions, openApi, print, wholeNumber, withOutput } from "./command-kit.ts";

type ExportOptions = OutputOptions & {
  readonly watch?: boolean;
  readonly every: number;
  readonly push?: boolean;
};
type ImportOptions = OutputOptions & {
  readonly prune?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
};
type DriftOptions = OutputOptions & { readonly report?: boolean; readonly exitCode?: boolean };

/** `heddle export git`, `heddle import git` and `heddle drift`: the history beside a git repository. */
export function addGitCommands(program: Command): void {
  withOutput(groupOf(program, "export", "write documents out").command("git"))
    .description(
      "write the history to a git repository: one commit a revision, one file a document",
    )
    .argument("<dir>", "a folder of the repository; a missing or empty one becomes one")
    .option("--watch", "go on: commit each revision as it comes, until interrupted")
    .option("--every <seconds>", "with --watch, how often to look", wholeNumber(1, 3600), 5)
    .option("--push", "push after each round that had commits")
    .action(exportGit);
  withOutput(groupOf(program, "import", "take documents in").command("git"))
    .description("apply the documents of a repository's newest commit as one revision")
    .argument("<dir>", "a folder of the repository")
    .option("--prune", "delete the mesh's documents that are not in the repository")
    .option("--force", "also where the mesh is newer than the repository")
    .option("--dry-run", "show what would change, change nothing")
    .option("--reason <text>", "why, kept in the history; default: the commit")
    .action(importGit);
  withOutput(program.command("drift"))
    .description("tell which documents differ between a repository's newest commit and the mesh")
    .argument("[dir]", "a folder of the repository; without it, the last report")
    .option("--report", "keep the result on the control plane, for the console and others")
    .option("--exit-code", "exit with 1 if anything differs")
    .action(drift);
}

function groupOf(program: Command, name: string, description: string): Command {
  const found = program.commands.find((command) => command.name() === name);
  return found ?? program.command(name).description(description);
}

async function exportGit(dir: string, options: ExportOptions): Promise<void> {
  const api = await openApi();
  const folder = await GitFolder.open(dir, { isMade: true });
  for (;;) {
    const done = await exportHistory(api, folder);
    if (done.commits > 0 && options.push) await folder.run(["push", "-q"]);
    if (done.commits > 0 || !options.watch) {
      print(options, done, ({ commits, revision }) =>
        commits === 0
          ? `nothing new: revision ${revision} is in ${dir}`
          : `${commits} ${commits === 1 ? "revision" : "revisions"} committed, up to ${revision}`,
      );
    }
    if (!options.watch) return;
    await wait(options.every * 1000);
  }
}

async function importGit(dir: string, options: ImportOptions): Promise<void> {
  const api = await openApi();
  const folder = await GitFolder.open(dir, { isMade: false });
  const tree = await readTree(folder);
  if (tree.documents.size === 0)
    throw new UsageError(`the newest commit has no document below ${dir}`);
  const resources = await askAppliedDocuments(api);
  const differing = resources.filter((one) => {
    const inGit = tree.documents.get(formatRef(one));
    return inGit ? inGit.yaml !== one.yaml : options.prune === true;
  });
  if (!options.force) await refuseNewer(folder, differing);
  const deletes = differing
    .filter((one) => !tree.documents.has(formatRef(one)))
    .map(({ kind, namespace, name }) => ({ kind: ResourceKind.parse(kind), namespace, name }));
  const answer = await api.ask(ApplyResponse, "/apply", {
    method: "POST",
    body: {
      yaml: textOf(tree),
      source: "git",
      dryRun: options.dryRun === true,
      reason: options.reason ?? commitWords(tree),
      ...(deletes.length === 0 ? {} : { deletes }),
      // As they stood when we looked: who changes one meanwhile is not overrun.
      expected: differing.map(({ kind, namespace, name, revision }) => {
        return { kind, namespace, name, revision };
      }),
    },
  });
  print(options, answer, options.dryRun ? formatDiff : formatApplied);
}

/** What the mesh changed since the last export would be undone by an import, without anybody having meant it. */
async function refuseNewer(folder: GitFolder, differing: readonly ResourceDocument[]) {
  const exported = await findExported(folder);
  const newer = exported === 0 ? [] : differing.filter(({ revision }) => revision > exported);
  const [first] = newer;
  if (!first) return;
  const more = newer.length === 1 ? "" : ` and ${newer.length - 1} more`;
  throw new GitError(
    `${formatRef(first)}${more} changed in the mesh since revision ${exported}, the last in ${folder.dir}; export first, or --force to let git win`,
  );
}

function commitWords({ commit, subject, author }: CommittedTree): string {
  return `git ${commit.slice(0, 12)} by ${author}: ${subject}`.slice(0, 2000);
}

async function drift(dir: string | undefined, options: DriftOptions): Promise<void> {
  const api = await openApi();
  if (dir === undefined) {
    if (options.report) throw new UsageError("--report needs the repository's folder");
    const { report } = await api.ask(DriftResponse, "/drift");
    const told: DriftResponse = report === undefined ? {} : { report };
    print(options, told, () =>
      report === undefined
        ? "no drift was reported yet; run `heddle drift DIR --report` where the repository is"
        : `${report.repository} at ${report.commit.slice(0, 12)}, reported by ${report.reportedBy}, ${new Date(report.reportedAtMs).toISOString()}\n${formatDrift(report)}`,
    );
    return failIfDrifted(options, report?.documents.length ?? 0);
  }
  const folder = await GitFolder.open(dir, { isMade: false });
  const tree = await readTree(folder);
  const resources = await askAppliedDocuments(api);
  const documents = await findDrift(folder, tree, resources);
  const repository = (await folder.run(["rev-parse", "--show-toplevel"])).trim();
  const report: DriftReport = { repository, commit: tree.commit, documents };
  if (options.report) {
    await api.ask(DriftResponse, "/drift", { method: "PUT", body: { ...report, source: "cli" } });
  }
  print(options, report, formatDrift);
  return failIfDrifted(options, documents.length);
}

function failIfDrifted({ exitCode }: DriftOptions, count: number): void {
  if (exitCode && count > 0) throw new DriftError(count);
}

const NEWER = {
  git: "git is newer: import it",
  mesh: "the mesh is newer: export it",
  both: "both changed",
  unknown: "never the same",
} as const;

function formatDrift({ documents }: Pick<DriftReport, "documents">): string {
  if (documents.length === 0) return "no drift: git and the mesh hold the same documents";
  const table = formatTable(
    ["KIND", "DOCUMENT", "IN", "REVISION", "WHICH"],
    documents.map((one) => [
      one.kind,
      `${one.namespace}/${one.name}`,
      one.in,
      one.meshRevision === undefined ? "-" : String(one.meshRevision),
      NEWER[one.newer],
    ]),
  );
  const diffs = documents.map(
    ({ kind, namespace, name, diff }) => `\n${kind} ${namespace}/${name}\n${diff.trimEnd()}`,
  );
  return [table, ...diffs].join("\n");
}
