import { type PreviewNote, PreviewResponse } from "@heddle/contracts";
import { type Command, Option } from "commander";
import { formatFinding } from "../analyze/format-findings.ts";
import { formatTable } from "../print/table.ts";
import { areManyFiles, joinFiles, readFiles } from "../read-documents.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type DiffOptions = OutputOptions & {
  readonly file: string[];
  readonly window: number;
};

const DIFFERS = 1;
const FAULTY = 2;

/** `heddle diff`: what applying documents would do, said before it is done. */
export function addDiffCommand(program: Command): void {
  withOutput(program.command("diff"))
    .description("show what applying documents would do; applies nothing")
    .requiredOption(
      "-f, --file <file...>",
      "YAML file, folder (with those below it), or - for stdin",
    )
    .addOption(
      new Option("--window <duration>", "how far back to look at traffic, at most 1h")
        .argParser(parseDurationMs)
        .default(300_000, "5m"),
    )
    .addHelpText(
      "after",
      "\nExit code: 0 nothing would change, 1 something would, 2 the documents could not be applied, or nobody could be asked.",
    )
    .action(async (options: DiffOptions) => {
      process.exitCode = FAULTY; // until an answer says otherwise
      const answer = await askPreview(options.file, options.window);
      print(options, answer, formatPreview);
      process.exitCode = exitCodeOf(answer);
    });
}

/** What applying these files would do. */
async function askPreview(sources: readonly string[], windowMs: number): Promise<PreviewResponse> {
  const { yaml, files } = joinFiles(await readFiles(sources));
  const api = await openApi();
  return api.ask(PreviewResponse, "/preview", {
    method: "POST",
    body: {
      yaml,
      files,
      windowMs,
      // as if the files were applied one after another, though in one revision
      ...(areManyFiles(sources) ? { twins: "last" } : {}),
    },
  });
}

function exitCodeOf({ changes, notes }: PreviewResponse): number {
  if (notes.some(({ level }) => level === "fault")) return FAULTY;
  return changes.length > 0 ? DIFFERS : 0;
}

function formatPreview(answer: PreviewResponse): string {
  const { changes, notes, limits, findings = [] } = answer;
  const said = [
    ...notes.map(formatNote),
    ...findings.filter(({ severity }) => severity !== "info").map(formatFinding),
    ...limits.map((limit) => `note: ${limit}`),
  ];
  if (notes.some(({ level }) => level === "fault")) return said.join("\n");
  if (changes.length === 0) return [...said, "nothing would change"].join("\n");
  const diffs = changes.map(
    ({ kind, namespace, name, action, diff }) =>
      `${kind} ${namespace}/${name} would be ${action}\n${diff.trimEnd()}`,
  );
  const sections = [
    diffs.join("\n"),
    said.join("\n"),
    ...answer.services.map(formatService),
    formatBlastRadius(answer.blastRadius),
    formatSimulation(answer.simulation),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function formatNote({ level, message, document, path, line, fix }: PreviewNote): string {
  const at = document ? `${document.kind} ${document.namespace}/${document.name}` : "";
  const place = [at, path ?? "", line === undefined ? "" : `line ${line}`].filter(
    (one) => one !== "",
  );
  const where = place.length === 0 ? "" : ` (${place.join(", ")})`;
  return `${level}: ${message}${where}${fix ? ` ${fix.label}.` : ""}`;
}

function formatService({
  service,
  source,
  lines,
  otherChanges,
}: PreviewResponse["services"][number]): string {
  const { namespaces = [], labels = {} } = source ?? {};
  const callers = [
    ...namespaces,
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  ];
  const forWhom = callers.length === 0 ? "" : ` for callers ${callers.join(", ")}`;
  const rows = lines.map((line) => [
    line.request,
    line.goesTo,
    line.beforeText ?? percent(line.beforeRatio),
    line.afterText ?? percent(line.afterRatio),
    rateChange(line.beforePerSecond, line.afterPerSecond),
    [line.change === "same" ? "" : line.change, line.isApproximate === true ? "about" : ""]
      .filter((one) => one !== "")
      .join(", "),
  ]);
  const table = formatTable(["REQUEST", "GOES TO", "BEFORE", "AFTER", "CHANGE", ""], rows);
  const title = `Routes of ${service.namespace}/${service.name}${forWhom}, before and after`;
  return [
    title,
    ...(rows.length > 0 ? [table] : []),
    ...otherChanges.map((one) => `changes: ${one}`),
  ].join("\n");
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? "-" : `${Math.round(ratio * 1000) / 10} %`;
}

function rateChange(before: number | undefined, after: number | undefined): string {
  if (before === undefined || after === undefined) return "not known";
  const change = Math.round((after - before) * 100) / 100;
  if (change === 0) return "0";
  return `${change > 0 ? "+" : ""}${change} rps`;
}

function formatBlastRadius(blast: PreviewResponse["blastRadius"]): string {
  const { perSecond, callers, callerCount, proxyCount, proxiesConnected, downstream, workloads } =
    blast;
  const rate = perSecond === undefined ? "traffic not known" : `${perSecond} rps touched`;
  return [
    `Blast radius: ${rate}, ${callerCount} callers, ${proxyCount} of ${proxiesConnected} proxies`,
    ...callers.map((one) => `  ${one.label} (${one.name}) ${one.perSecond} rps`),
    ...downstream.map(
      (one) => `  then ${one.label}, by ${one.by.join(" and ")}, ${one.perSecond} rps`,
    ),
    ...(workloads.length > 0 ? [`  inbound rules of ${workloads.join(", ")}`] : []),
  ].join("\n");
}

function formatSimulation(simulation: PreviewResponse["simulation"]): string {
  if (simulation === undefined) return "";
  const { sampled, windowMs, outcomes, limits, isTruncated } = simulation;
  const which = isTruncated ? ` (the newest of each pair)` : "";
  const rows = outcomes.map(({ text, sampled: count, ratio }) => [
    text,
    String(count),
    percent(ratio),
  ]);
  return [
    `Simulation: ${sampled} sampled requests of the last ${Math.round(windowMs / 60_000)} min${which}`,
    ...(rows.length > 0 ? [formatTable(["OUTCOME", "REQUESTS", "SHARE"], rows)] : []),
    ...limits.map((limit) => `note: ${limit}`),
  ].join("\n");
}
