// Writes docs/mtls-grid.md from the table that conformance/mtls-grid.test.ts proves, so that the page cannot say
// anything else. `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CALLERS,
  cells,
  EXPECTED,
  LEVELS,
  MODES,
  PORTS,
  type PortKind,
} from "../conformance/mtls-grid/expected.ts";

const PAGE = join(import.meta.dirname, "../docs/mtls-grid.md");
const INTRODUCTION = join(import.meta.dirname, "mtls-grid-introduction.md");

const PORT_WORDS: Readonly<Record<PortKind, string>> = {
  http: "To a port that is declared to speak HTTP",
  tcp: "To a port of opaque TCP",
};

const row = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
const head = (texts: readonly string[]) => [row(texts), row(texts.map(() => "---"))];

/** The answers by mode, which are the same at each level. */
function summaryOf(port: PortKind): string[] {
  return [
    `## ${PORT_WORDS[port]}`,
    "",
    ...head(["caller", ...MODES]),
    ...CALLERS.map((caller) => row([caller, ...EXPECTED[caller][port]])),
    "",
  ];
}

function allRows(): string[] {
  const all = cells();
  return [
    "## Every row",
    "",
    `${LEVELS.length} levels × ${MODES.length} modes × ${CALLERS.length} callers, each at two ports.`,
    "",
    ...head(["mode", "written for the", "caller", "port of HTTP", "port of TCP"]),
    ...MODES.flatMap((mode) =>
      LEVELS.flatMap((level) =>
        CALLERS.map((caller) => {
          const outcomes = PORTS.map(
            (port) =>
              all.find(
                (one) =>
                  one.mode === mode &&
                  one.level === level &&
                  one.caller === caller &&
                  one.port === port,
              )?.outcome ?? "",
          );
          return row([mode, level, caller, ...outcomes]);
        }),
      ),
    ),
    "",
  ];
}

function writePage(): string {
  const introduction = readFileSync(INTRODUCTION, "utf8").trimEnd();
  return [introduction, "", ...PORTS.flatMap(summaryOf), ...allRows()].join("\n");
}

/** Whether docs/mtls-grid.md is what it would be if it were written now. */
export function isPageCurrent(): boolean {
  return readFileSync(PAGE, "utf8") === writePage();
}

if (import.meta.main) {
  if (!process.argv.includes("--check")) writeFileSync(PAGE, writePage());
  process.exitCode = isPageCurrent() ? 0 : 1;
}
