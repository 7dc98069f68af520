import { ApplyResponse, RevisionDetail, RevisionsResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { formatAge, formatTable } from "../print/table.ts";
import { formatApplied } from "./apply.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";

/** `heddle history` and `heddle rollback`. */
export function addHistoryCommands(program: Command): void {
  withOutput(program.command("history"))
    .description("list revisions, newest first, or show what one changed")
    .argument("[revision]", "a revision's number", wholeNumber(1, 2_147_483_647))
    .option("--limit <n>", "how many", wholeNumber(1, 200), 20)
    .option("--service <[namespace/]name>", "only those that shape this service's traffic")
    .action(async (revision: number | undefined, options: HistoryOptions) => {
      if (revision !== undefined) return showRevision(revision, options);
      const { limit, service } = options;
      const target = service === undefined ? undefined : parseTarget(service, "default");
      const query = { limit, service: target && `${target.namespace}/${target.name}` };
      const answer = await (await openApi()).ask(RevisionsResponse, "/revisions", { query });
      return print(options, answer, formatRevisions);
    });
  withOutput(program.command("rollback"))
    .description("bring all documents back to how they stood right after a revision")
    .argument("<revision>", "a revision's number", wholeNumber(1, 2_147_483_647))
    .option("--dry-run", "show what would change, change nothing")
    .option("--reason <text>", "why, kept in the history")
    .action(async (revision: number, options: RollbackOptions) => {
      const answer = await (await openApi()).ask(ApplyResponse, `/revisions/${revision}/restore`, {
        method: "POST",
        body: {
          source: "cli",
          dryRun: options.dryRun === true,
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        },
      });
      print(options, answer, formatApplied);
    });
}

type HistoryOptions = OutputOptions & { readonly limit: number; readonly service?: string };
type RollbackOptions = OutputOptions & { readonly dryRun?: boolean; readonly reason?: string };

async function showRevision(revision: number, options: OutputOptions): Promise<void> {
  const detail = await (await openApi()).ask(RevisionDetail, `/revisions/${revision}`);
  print(options, detail, ({ summary, author, createdAtMs, reason, changes }) =>
    [
      `revision ${revision}: ${summary}`,
      `${author}, ${new Date(createdAtMs).toISOString()}${reason ? `, "${reason}"` : ""}`,
      ...changes.map(
        ({ kind, namespace, name, action, diff }) =>
          `\n${kind} ${namespace}/${name} ${action}\n${diff.trimEnd()}`,
      ),
    ].join("\n"),
  );
}

function formatRevisions({ revisions }: RevisionsResponse): string {
  const nowMs = Date.now();
  return formatTable(
    ["REVISION", "AGO", "WHO", "FROM", "WHAT"],
    revisions.map((one) => [
      String(one.revision),
      formatAge(one.createdAtMs, nowMs),
      one.author,
      one.source,
      one.reason === undefined ? one.summary : `${one.summary} (${one.reason})`,
    ]),
  );
}
