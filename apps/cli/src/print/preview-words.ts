import type { PreviewNote, PreviewResponse } from "@heddle/contracts";
import { formatFinding } from "../analyze/format-findings.ts";
import { formatTable } from "./table.ts";

/** A preview as text: diffs, what stands against it, routes, blast radius, simulation. */
export function formatPreview(answer: PreviewResponse): string {
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
  const { sampled, windowMs, outcomes, connections = [], limits, isTruncated } = simulation;
  const which = isTruncated ? ` (the newest of each pair)` : "";
  const rows = outcomes.map(({ text, sampled: count, ratio }) => [
    text,
    String(count),
    percent(ratio),
  ]);
  return [
    `Simulation: ${sampled} sampled requests of the last ${Math.round(windowMs / 60_000)} min${which}`,
    ...(rows.length > 0 ? [formatTable(["OUTCOME", "REQUESTS", "SHARE"], rows)] : []),
    ...connections.map(
      (one) =>
        `connections of ${one.source} to ${one.service}: ${one.text}, ${one.perSecond} a second`,
    ),
    ...limits.map((limit) => `note: ${limit}`),
  ].join("\n");
}
