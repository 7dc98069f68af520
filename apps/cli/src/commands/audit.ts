import { type AuditEntry, AuditResponse } from "@heddle/contracts";
import { type Command, Option } from "commander";
import { formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, wholeNumber, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type AuditOptions = OutputOptions & {
  readonly actor?: string;
  readonly act?: string;
  readonly target?: string;
  readonly result?: string;
  readonly since?: number;
  readonly before?: number;
  readonly limit: number;
};

/** `heddle audit`: who did what, from where, and what came of it. */
export function addAuditCommand(program: Command): void {
  withOutput(program.command("audit"))
    .description("list acts, newest first; an admin sees everybody's, others their own")
    .option("--actor <name>", "only by this person or token owner")
    .option("--act <act>", "only these: login, apply, user (user.create, user.change, …)")
    .option("--target <text>", "only on what has this in its name")
    .addOption(new Option("--result <result>", "only these").choices(["ok", "refused", "failed"]))
    .option("--since <duration>", "only of the last 30m, 24h, 7d", parseDurationMs)
    .option("--before <id>", "only older than this entry", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--limit <n>", "how many", wholeNumber(1, 500), 50)
    .action(async (options: AuditOptions) => {
      const { actor, act, target, result, before, limit, since } = options;
      const fromMs = since === undefined ? undefined : Date.now() - since;
      const query = { actor, act, target, result, before, limit, fromMs };
      const answer = await (await openApi()).ask(AuditResponse, "/audit", { query });
      print(options, answer, formatAudit);
    });
}

function formatAudit({ entries, nextBefore }: AuditResponse): string {
  const table = formatTable(
    ["WHEN", "WHO", "ACT", "RESULT", "FROM", "TARGET"],
    entries.map((entry) => [
      new Date(entry.atMs).toISOString().replace("T", " ").slice(0, 19),
      entry.via === "token" ? `${entry.actor} (token)` : entry.actor,
      entry.act,
      entry.result,
      entry.address,
      describe(entry),
    ]),
  );
  return nextBefore === undefined ? table : `${table}\n(older: --before ${nextBefore})`;
}

function describe({ target, revision, reason }: AuditEntry): string {
  const made = revision === undefined ? "" : ` (revision ${revision})`;
  return `${target}${made}${reason === undefined ? "" : `: ${reason}`}`;
}
