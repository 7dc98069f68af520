import { DenialsResponse, ObservedCallsResponse, SuggestResponse } from "@heddle/contracts";
import { HeddleError } from "@heddle/runtime";
import { type Command, Option } from "commander";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type SuggestOptions = OutputOptions & {
  readonly namespace?: string;
  readonly workload?: string;
  readonly window: number;
  readonly operations?: boolean;
  readonly enforce?: boolean;
};
type AllowOptions = OutputOptions & { readonly window: number };

/** `heddle policy suggest|allow`: rules made from what was seen; they print YAML, `heddle apply` applies it. */
export function addPolicyCommands(program: Command): void {
  const policy = program
    .command("policy")
    .description("authorization rules made from what was seen");
  withOutput(policy.command("suggest"))
    .description(
      "print policies that let in who was seen and nobody else: heddle policy suggest | heddle apply -f -",
    )
    .option("-n, --namespace <namespace>", "only workloads of it")
    .option("--workload <name>", "only this one; needs --namespace")
    .addOption(windowOption())
    .option("--operations", "methods and paths too, not only callers")
    .option("--enforce", "enforced at once; else they only count what they would deny")
    .action(async (options: SuggestOptions) => {
      const api = await openApi();
      const { calls } = await api.ask(ObservedCallsResponse, "/observed-calls", {
        query: {
          windowMs: options.window,
          namespace: options.namespace,
          workload: options.workload,
        },
      });
      if (calls.length === 0) {
        throw new HeddleError("HEDDLE_NOT_FOUND", "no calls were seen in this window");
      }
      const answer = await api.ask(SuggestResponse, "/policies/suggest", {
        method: "POST",
        body: {
          from: "traffic",
          calls,
          includesOperations: options.operations === true,
          isShadow: options.enforce !== true,
        },
      });
      printSuggestion(options, answer);
    });
  withOutput(policy.command("allow"))
    .description("print the smallest change that lets a denied request pass")
    .argument("<denial>", "its id, as `heddle denials` lists it")
    .addOption(windowOption())
    .action(async (id: string, options: AllowOptions) => {
      const api = await openApi();
      const { denials } = await api.ask(DenialsResponse, "/denials", {
        query: { windowMs: options.window, limit: 500 },
      });
      const denial = denials.find((one) => one.id === id);
      if (denial === undefined) {
        throw new HeddleError(
          "HEDDLE_NOT_FOUND",
          `no denial ${id} in this window; see heddle denials`,
        );
      }
      const answer = await api.ask(SuggestResponse, "/policies/suggest", {
        method: "POST",
        body: { from: "denial", denial },
      });
      printSuggestion(options, answer);
    });
}

function windowOption(): Option {
  return new Option("--window <duration>", "how far back, at most 24h")
    .argParser(parseDurationMs)
    .default(3_600_000, "1h");
}

/** The words go where they do not disturb a pipe. */
function printSuggestion(options: OutputOptions, answer: SuggestResponse): void {
  if (options.output === "table") {
    for (const line of answer.explanation) process.stderr.write(`${line}\n`);
    for (const line of answer.warnings) process.stderr.write(`warning: ${line}\n`);
  }
  print(options, answer, ({ documents }) =>
    documents.map(({ yaml }) => yaml.trimEnd()).join("\n---\n"),
  );
}
