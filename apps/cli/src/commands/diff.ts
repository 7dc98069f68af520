import type { PreviewResponse } from "@heddle/contracts";
import { type Command, Option } from "commander";
import { askPreview } from "../api/ask-preview.ts";
import { formatPreview } from "../print/preview-words.ts";
import { readToSend } from "../read-documents.ts";
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
      const documents = await readToSend(options.file);
      const answer = await askPreview(await openApi(), documents, options.window);
      print(options, answer, formatPreview);
      process.exitCode = exitCodeOf(answer);
    });
}

function exitCodeOf({ changes, notes }: PreviewResponse): number {
  if (notes.some(({ level }) => level === "fault")) return FAULTY;
  return changes.length > 0 ? DIFFERS : 0;
}
