import { writeFileSync } from "node:fs";
import {
  AnalysisResponse,
  AnalyzeResponse,
  type Finding,
  FindingSeverity,
} from "@heddle/contracts";
import { type Command, Option } from "commander";
import type { NamedText } from "../analyze/analyze-files.ts";
import { formatFindings } from "../analyze/format-findings.ts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError, UsageError } from "../errors.ts";
import { readFiles } from "../read-documents.ts";
import { openApi, print } from "./command-kit.ts";

/** As of `istioctl analyze`: pipelines that look for it need not change. */
const EXIT_FINDINGS = 79;
const SEVERITIES = FindingSeverity.options;

type AnalyzeOptions = {
  readonly output: "text" | "json";
  readonly file?: string[];
  readonly namespace?: string;
  readonly severity: FindingSeverity;
  readonly failOn: FindingSeverity | "never";
  readonly fix?: boolean;
  readonly filesOnly?: boolean;
};

type Answer = Pick<AnalyzeResponse, "counts" | "findings"> & {
  /** Of the live mesh it was held against; absent: of the files alone. */
  readonly revision?: number;
  readonly documents?: number;
};

/** `heddle analyze`: what is wrong or odd about documents, before they are applied or as they stand. */
export function addAnalyzeCommand(program: Command): void {
  program
    .command("analyze")
    .description(
      "find mistakes in files (held against the live mesh where there is one) or in the live mesh",
    )
    .option("-f, --file <file...>", "YAML file, folder (with those below it), or - for stdin")
    .option(
      "-n, --namespace <namespace>",
      "of documents without one; of the live mesh: this one alone",
    )
    .option("--files-only", "the files alone: what exists is what they say, no mesh is asked")
    .option("--fix", "write the fixes that are safe into the files, and show what they change")
    .addOption(
      new Option("--severity <level>", "show findings of this level and worse")
        .choices(SEVERITIES)
        .default("info"),
    )
    .addOption(
      new Option("--fail-on <level>", "findings of this level and worse make the exit code 79")
        .choices([...SEVERITIES, "never"])
        .default("error"),
    )
    .addOption(
      new Option("-o, --output <format>", "what to print")
        .choices(["text", "json"])
        .default("text"),
    )
    .addHelpText(
      "after",
      `
Exit codes: 0 nothing found at the level of --fail-on, ${EXIT_FINDINGS} something found, 1 analysis was not possible.
Files that contain Pods or Deployments say themselves what runs: they are looked at alone.
A document can be spared codes: annotation heddle.dev/analyze-suppress: "HDL010,IST0118" (or "*").
Every code is explained in docs/findings.md.`,
    )
    .action(run);
}

async function run(options: AnalyzeOptions): Promise<void> {
  const { file, fix = false, namespace } = options;
  if (fix && file === undefined) throw new UsageError("--fix needs files: give them with -f");
  if (fix && file?.includes("-")) throw new UsageError("--fix cannot write to stdin; give files");
  const answer = file === undefined ? await ofMesh(namespace) : await ofFiles(file, options);
  const shown = answer.findings.filter((one) => isAtLeast(one, options.severity));
  print(
    { output: options.output === "json" ? "json" : "table" },
    { ...answer, findings: shown },
    () => formatFindings(shown, answer),
  );
  const { failOn } = options;
  if (failOn !== "never" && answer.findings.some((one) => isAtLeast(one, failOn))) {
    process.exitCode = EXIT_FINDINGS;
  }
}

async function ofMesh(namespace: string | undefined): Promise<Answer> {
  const api = await openApi();
  const query = { namespace };
  return api.ask(AnalysisResponse, "/analysis", { query });
}

async function ofFiles(sources: readonly string[], options: AnalyzeOptions): Promise<Answer> {
  const files = await readFiles(sources);
  const answer = await askOrAnalyze(files, options);
  if (options.fix !== true) return answer;
  const { fixFiles } = await openAnalysis();
  const fixed = fixFiles(files, answer.findings);
  for (const { name, text, diff } of fixed) {
    writeFileSync(name, text);
    process.stderr.write(diff);
  }
  return fixed.length === 0 ? answer : askOrAnalyze(await readFiles(sources), options);
}

/** Against the mesh if one answers, else the files alone; which of the two is said on stderr. */
async function askOrAnalyze(files: readonly NamedText[], options: AnalyzeOptions): Promise<Answer> {
  const { namespace } = options;
  const api = options.filesOnly || files.some(saysWhatRuns) ? undefined : await findApi();
  if (api) {
    try {
      const body = { files, ...(namespace === undefined ? {} : { namespace }) };
      return await api.ask(AnalyzeResponse, "/analyze", { method: "POST", body });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 0) throw error;
      process.stderr.write(`heddle: the mesh does not answer; looking at the files alone\n`);
    }
  }
  const { analyzeAlone } = await openAnalysis();
  return analyzeAlone(files, { namespace, nowMs: Date.now() });
}

/** Loaded only here: all schemas of all kinds come with it, and no other command waits for them. */
function openAnalysis() {
  return import("../analyze/analyze-files.ts");
}

async function findApi(): Promise<ApiClient | undefined> {
  try {
    return await openApi();
  } catch (error) {
    if (error instanceof UsageError) return undefined; // no mesh is known here
    throw error;
  }
}

function saysWhatRuns({ text }: NamedText): boolean {
  return /^\s*(?:- )?["']?kind["']?:\s*["']?(Pod|Deployment)\b/m.test(text);
}

function isAtLeast({ severity }: Finding, level: FindingSeverity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(level);
}
