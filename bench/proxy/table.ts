import type { Metric } from "./cases.ts";
import type { ResultRow, Results } from "./results.ts";
import { PLAIN_HEDDLE } from "./subjects/subject.ts";

const LABELS: Readonly<Record<Metric, { label: string; digits: number }>> = {
  cpu_us_per_request: { label: "CPU µs/request", digits: 1 },
  requests_per_second: { label: "requests/s", digits: 0 },
  cpu_us_per_mib: { label: "CPU µs/MiB", digits: 0 },
  mib_per_second: { label: "MiB/s", digits: 0 },
  added_p50_ms: { label: "added p50, ms", digits: 3 },
  added_p99_ms: { label: "added p99, ms", digits: 2 },
  private_mib: { label: "private memory, MiB", digits: 1 },
  rss_mib: { label: "RSS, MiB", digits: 1 },
};

/** What design asks for, as a ratio to nginx or as a figure of its own. */
type Target = { readonly name: RegExp; readonly metric: Metric } & (
  | { readonly ratioToNginx: number }
  | { readonly atMost: number }
);

const TARGETS: readonly Target[] = [
  { name: /^one hop, GET .* (16|64) c/, metric: "cpu_us_per_request", ratioToNginx: 1.2 },
  { name: /^one hop, POST .* 64 c/, metric: "cpu_us_per_request", ratioToNginx: 1 },
  { name: /^mTLS pair, GET .* (16|64) c/, metric: "cpu_us_per_request", ratioToNginx: 0.75 },
  { name: /^mTLS pair, GET .* 1 c/, metric: "cpu_us_per_request", ratioToNginx: 1.2 },
  { name: /^mTLS pair, .*open loop/, metric: "added_p50_ms", ratioToNginx: 1.1 },
  { name: /64 connections busy/, metric: "private_mib", atMost: 25 },
  { name: /64 connections busy/, metric: "rss_mib", atMost: 80 },
];

/** What docs/benchmarks.md shows: when, where, with what, and the table. */
export function pageSectionOf(results: Results): string {
  const { measuredAt, machine, versions, rounds, seconds, cases } = results;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const where = `${machine.model}, ${machine.cores} cores, Node ${machine.node}`;
  const load = machine.loadAverageBefore.toFixed(1);
  return (
    `Measured ${measuredAt.slice(0, 16).replace("T", " ")} UTC: ${rounds} rounds of ${seconds} s on ${where}; ` +
    `load average before the run ${load}; ${peers.join(", ")}.\n\n${tableOf(cases)}`
  );
}

/** One line a case and metric, one column a peer (its figure, then ours divided by it), as Markdown. */
export function tableOf(rows: readonly ResultRow[]): string {
  const found = new Set(rows.map(({ peer }) => peer));
  const peers = ["nginx", "haproxy", "envoy", PLAIN_HEDDLE].filter((peer) => found.has(peer));
  const lines = new Map<string, ResultRow[]>();
  for (const row of rows) {
    const key = `${row.name}|${row.metric}`;
    lines.set(key, [...(lines.get(key) ?? []), row]);
  }
  const header = ["case", "metric", "Heddle", ...peers.map((peer) => `${peer} (×)`), "target"];
  const cells = [header, ...[...lines.values()].map((each) => cellsOf(each, peers))];
  return aligned(cells);
}

function cellsOf(rows: readonly ResultRow[], peers: readonly string[]): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const { label, digits } = LABELS[first.metric];
  const ofPeers = peers.map((peer) => {
    const row = rows.find((each) => each.peer === peer);
    return row === undefined ? "–" : `${row.peerValue.toFixed(digits)} (${row.ratio.toFixed(2)})`;
  });
  return [first.name, label, first.subjectValue.toFixed(digits), ...ofPeers, targetOf(rows)];
}

function targetOf(rows: readonly ResultRow[]): string {
  const [first] = rows;
  const target = TARGETS.find(
    ({ name, metric }) => metric === first?.metric && name.test(first.name),
  );
  if (target === undefined || first === undefined) return "";
  if ("atMost" in target) {
    return `≤ ${target.atMost}: ${first.subjectValue <= target.atMost ? "met" : "missed"}`;
  }
  const nginx = rows.find(({ peer }) => peer === "nginx");
  const asked = `≤ ${target.ratioToNginx} × nginx`;
  if (nginx === undefined) return asked;
  return `${asked}: ${nginx.ratio <= target.ratioToNginx ? "met" : "missed"}`;
}

function aligned(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lineOf = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const [header = [], ...rest] = cells;
  return [lineOf(header), rule, ...rest.map(lineOf)].join("\n");
}
