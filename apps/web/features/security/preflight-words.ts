import { formatCount, formatCounted, formatRate } from "../../lib/numbers.ts";
import type { CallerWindow } from "./caller-windows.ts";
import { acceptedCallers, callerName, type MtlsRow } from "./mtls-rows.ts";

export interface PreflightWords {
  readonly tone: "ok" | "warn" | "idle";
  readonly lead: string;
  readonly rest: string;
}

/** What the flip would do to whom, in one lead and one sentence. */
export function preflightWords(
  row: MtlsRow,
  isKnown: boolean,
  window: CallerWindow,
): PreflightWords {
  if (!isKnown) {
    return {
      tone: "idle",
      lead: "Who would break is not known.",
      rest: "The collector does not answer; wait for it before you refuse plaintext.",
    };
  }
  return row.workload.mtlsMode === "STRICT" ? strictWords(row, window) : openWords(row, window);
}

function openWords(row: MtlsRow, window: CallerWindow): PreflightWords {
  const callers = acceptedCallers(row);
  const [first] = callers;
  if (first === undefined) {
    return {
      tone: "ok",
      lead: "Nobody would be refused.",
      rest: `No plaintext came to ${row.workload.name} in the last ${window.label}.`,
    };
  }
  const rate = formatRate(callers.reduce((sum, caller) => sum + caller.requestsPerSecond, 0));
  const requests = callers.reduce((sum, caller) => sum + caller.requests, 0);
  const who =
    callers.length > 1
      ? formatCounted(callers.length, "caller")
      : first.sourceName === undefined
        ? first.sourceAddress
        : callerName(first);
  return {
    tone: "warn",
    lead: `${who} would be refused, ${rate}.`,
    rest: `${formatCounted(requests, "plaintext request")} in the last ${window.label}.`,
  };
}

function strictWords(row: MtlsRow, window: CallerWindow): PreflightWords {
  const refused = row.callers.reduce((sum, caller) => sum + caller.refused, 0);
  if (refused === 0) {
    return {
      tone: "ok",
      lead: "Only mTLS comes in.",
      rest: `Nobody was refused in the last ${window.label}.`,
    };
  }
  const callers = row.callers.filter((caller) => caller.refused > 0).length;
  return {
    tone: "warn",
    lead: `${formatCount(refused)} ${refused === 1 ? "connection was" : "connections were"} refused`,
    rest: `in the last ${window.label}, from ${formatCounted(callers, "address", "addresses")}.`,
  };
}
