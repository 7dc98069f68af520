import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const RESULTS_FILE = fileURLToPath(new URL("../results/control.json", import.meta.url));
const PAGE = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
const START = "<!-- table: npm run bench -- control -->";
const END = "<!-- end of table: control -->";

/** One figure, shaped as in proxy.json; there is no peer to hold it against, but what design asks for. */
export type ControlRow = {
  readonly name: string;
  readonly subject: "heddle";
  readonly metric: string;
  /** Median over the rounds, or the one figure there is. */
  readonly subjectValue: number;
  /** The worst round; absent: one round. */
  readonly worst?: number;
  readonly rounds: number;
  /** At most so much. */
  readonly target?: number;
};

export type ControlResults = {
  readonly measuredAt: string;
  readonly machine: {
    readonly cores: number;
    readonly model: string;
    readonly node: string;
    readonly loadAverageBefore: number;
  };
  readonly cases: readonly ControlRow[];
};

export function rowOf(
  name: string,
  metric: string,
  values: readonly number[],
  target?: number,
): ControlRow {
  const worst = values.length > 1 ? { worst: toFigure(Math.max(...values)) } : {};
  return {
    name,
    subject: "heddle",
    metric,
    subjectValue: toFigure(median(values)),
    ...worst,
    rounds: values.length,
    ...(target === undefined ? {} : { target }),
  };
}

export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1
    ? upper
    : (upper + (sorted[(sorted.length >> 1) - 1] ?? upper)) / 2;
}

function toFigure(value: number): number {
  return Number(value.toPrecision(4));
}

/** Cases of this run replace those of the same name and metric; others stay. */
export function writeResults(results: ControlResults): void {
  const kept = readEarlier().filter(
    (old) => !results.cases.some(({ name, metric }) => name === old.name && metric === old.metric),
  );
  const all = { ...results, cases: [...results.cases, ...kept] };
  mkdirSync(dirname(RESULTS_FILE), { recursive: true });
  writeFileSync(RESULTS_FILE, `${JSON.stringify(all, undefined, 2)}\n`);
  writePage(all);
}

function readEarlier(): readonly ControlRow[] {
  try {
    return (JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as ControlResults).cases;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function writePage({ measuredAt, machine, cases }: ControlResults): void {
  const page = readFileSync(PAGE, "utf8");
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${PAGE} has no "${START}" before "${END}"`);
  const when = `Measured ${measuredAt.slice(0, 16).replace("T", " ")} UTC on ${machine.model}, ${machine.cores} cores, Node ${machine.node}; load average before the run ${machine.loadAverageBefore.toFixed(1)}.`;
  const rows = cases.map(({ name, metric, subjectValue, worst = "", rounds, target = "" }) =>
    [name, metric, subjectValue, worst, rounds, target === "" ? "" : `≤ ${target}`].map(String),
  );
  const header = ["case", "metric", "Heddle, median", "worst", "rounds", "target"];
  const widths = header.map((_, at) =>
    Math.max(...[header, ...rows].map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const table = [line(header), rule, ...rows.map(line)].join("\n");
  writeFileSync(
    PAGE,
    `${page.slice(0, start + START.length)}\n\n${when}\n\n${table}\n\n${page.slice(end)}`,
  );
}
