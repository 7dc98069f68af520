import type {
  LadderResponse,
  MtlsGuard,
  MtlsGuardsResponse,
  MtlsScope,
  PreflightCaller,
  PreflightResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { formatAge, formatTable } from "./table.ts";

/** Older counts than this are said to be so. */
const STALE_MS = 30_000;

export function formatModes({ workloads }: WorkloadsResponse): string {
  return formatTable(
    ["WORKLOAD", "MODE", "DRY RUN", "FROM"],
    workloads.map((one) => [
      `${one.namespace}/${one.name}`,
      one.mtlsMode,
      one.isStrictDryRun === true ? "STRICT" : "-",
      one.mtlsPolicy === undefined ? "default" : `PeerAuthentication ${one.mtlsPolicy}`,
    ]),
  );
}

export function formatPreflight(answer: PreflightResponse, nowMs: number): string {
  const { callers, workloads, windowMs } = answer;
  const since = new Map(
    workloads.map((one) => [`${one.namespace}/${one.workload}`, one.dryRunSinceMs]),
  );
  const lines = [warningOf(answer.countedUntilMs, nowMs)];
  if (callers.length === 0) {
    lines.push(`no plaintext in the last ${formatAge(nowMs - windowMs, nowMs)}`);
  } else {
    lines.push(
      formatTable(
        ["WORKLOAD", "CALLER", "ADDRESS", "RATE", "REQUESTS", "REFUSED", "LAST SEEN", "DRY RUN"],
        callers.map((one) => [
          `${one.namespace}/${one.workload}`,
          one.label,
          one.sourceAddress,
          formatRate(one.requestsPerSecond),
          String(one.requests),
          String(one.refused),
          `${formatAge(one.lastSeenMs, nowMs)} ago`,
          formatDryRun(one, since.get(`${one.namespace}/${one.workload}`), nowMs),
        ]),
      ),
    );
  }
  return lines.filter((line) => line !== "").join("\n");
}

export function formatLadder(answer: LadderResponse): string {
  const { rungs, workloads, scopes, next } = answer;
  const counts = [
    ...(rungs.disabled > 0 ? [`${rungs.disabled} disabled`] : []),
    `${rungs.permissive} permissive`,
    `${rungs["dry-run"]} dry run`,
    `${rungs.strict} strict`,
    `${rungs["strict-for-all"]} strict for all`,
  ];
  const forAll = scopes
    .filter(({ isStrictForAll }) => isStrictForAll)
    .map(({ scope }) => nameOf(scope));
  const lines = [
    warningOf(answer.countedUntilMs, Date.now()),
    `${counts.join(" → ")}; ${count(answer.workloadsToGo, "workload")} to go, ${count(answer.callersInTheWay, "caller")} in the way`,
    forAll.length === 0 ? "" : `STRICT for all: ${forAll.join(", ")}`,
    "",
    formatTable(
      ["WORKLOAD", "RUNG", "IN THE WAY", "NEXT"],
      workloads.map((one) => [
        `${one.namespace}/${one.workload}`,
        one.rung,
        one.callersInTheWay.length === 0
          ? "-"
          : one.callersInTheWay
              .map((caller) => `${nameOfCaller(caller)} ${formatRate(caller.requestsPerSecond)}`)
              .join(", "),
        one.next.words,
      ]),
    ),
    "",
    `next: ${next.words}`,
    next.command === undefined ? "" : `  ${next.command}`,
  ];
  return lines
    .filter((line, index) => line !== "" || index > 2)
    .join("\n")
    .trimEnd();
}

export function formatGuards({ guards }: MtlsGuardsResponse, nowMs: number): string {
  return formatTable(
    ["ID", "WHAT", "STATUS", "REFUSED", "OF", "BY", "BEGAN", "HOW IT STANDS"],
    guards.map((one) => [
      one.id,
      nameOf(one.scope),
      one.status,
      String(one.refused),
      String(one.maxRefusals),
      one.startedBy,
      `${formatAge(one.startedAtMs, nowMs)} ago`,
      one.words,
    ]),
  );
}

export function formatGuard(guard: MtlsGuard): string {
  return `guard ${guard.id}, ${guard.status}: ${guard.words}`;
}

/** What a caller is known by: its name, else its address. */
function nameOfCaller({ names, label, sourceAddress }: PreflightCaller): string {
  return names.length === 1 ? label : sourceAddress;
}

function formatDryRun(caller: PreflightCaller, sinceMs: number | undefined, nowMs: number): string {
  if (caller.wouldBeRefused === undefined || sinceMs === undefined) return "-";
  const age = formatAge(sinceMs, nowMs);
  return caller.wouldBeRefused === 0
    ? `none in ${age}`
    : `${caller.wouldBeRefused} would be refused in ${age}`;
}

function warningOf(countedUntilMs: number | undefined, nowMs: number): string {
  if (countedUntilMs === undefined) {
    return "warning: no collector has counted in the last day; nobody knows who sends plaintext";
  }
  if (nowMs - countedUntilMs < STALE_MS) return "";
  return `warning: the collector has counted nothing for ${formatAge(countedUntilMs, nowMs)}`;
}

function formatRate(perSecond: number): string {
  return perSecond > 0 && perSecond < 0.05 ? "< 0.1 rps" : `${Number(perSecond.toFixed(1))} rps`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function nameOf(scope: MtlsScope): string {
  if (scope.kind === "mesh") return "mesh";
  return scope.kind === "namespace"
    ? `${scope.namespace}/`
    : `${scope.namespace}/${scope.workload}`;
}
