import { styleText } from "node:util";
import type { TapEvent, TapEventParty } from "@heddle/contracts";
import { formatMs } from "./table.ts";

type Style = "green" | "cyan" | "yellow" | "red" | "dim";
/** Without colour it hands the text back. */
export type Paint = (style: Style, text: string) => string;

/** Colours where standard output is a terminal that wants them (NO_COLOR, FORCE_COLOR). */
export const paintForTerminal: Paint = (style, text) =>
  styleText(style, text, { stream: process.stdout });

const MOST_PARTY_CHARS = 40;

/** One aligned line a request; columns grow with what has come and never shrink. */
export class TapLines {
  readonly #paint: Paint;
  readonly #widths = { status: 3, source: 8, destination: 8, method: 4 };

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  line(event: TapEvent): string {
    const widths = this.#widths;
    const pad = (column: keyof typeof widths, text: string) => {
      widths[column] = Math.max(widths[column], text.length);
      return text.padEnd(widths[column]);
    };
    const way = event.direction === "inbound" ? "→" : "⇢";
    const parts = [
      this.#paint("dim", timeOf(event.atMs)),
      this.#paint(styleOf(event), pad("status", statusOf(event))),
      formatMs(event.durationMs).padStart(8),
      `${pad("source", partyOf(event.source))} ${way} ${pad("destination", partyOf(event.destination))}`,
      pad("method", event.method ?? "TCP"),
      visible(event.path ?? event.authority ?? ""),
    ];
    const notes = notesOf(event);
    if (notes.length > 0) parts.push(this.#paint("dim", `(${notes.join(", ")})`));
    return parts.join("  ").trimEnd();
  }
}

/** What was tapped so far. Quantiles are exact up to 10 000 requests, then of the last as many. */
export class TapSummary {
  readonly #byStatus = new Map<string, number>();
  readonly #durationsMs: number[] = [];
  #requests = 0;
  #measured = 0;
  #connections = 0;
  #notShown = 0;

  get notShown(): number {
    return this.#notShown;
  }

  get shown(): number {
    return this.#requests + this.#connections;
  }

  note(event: TapEvent): void {
    if (event.kind !== "request") {
      this.#connections += 1;
      return;
    }
    const status = statusOf(event);
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    this.#requests += 1;
    // How long a WebSocket lived is no latency.
    if (event.durationMs === undefined || event.status === 101) return;
    this.#durationsMs[this.#measured % KEPT] = event.durationMs;
    this.#measured += 1;
  }

  miss(count: number): void {
    this.#notShown += count;
  }

  /** "42 requests: 40 × 200, 2 × 503 UF; p50 3.1 ms, p95 12 ms; 37 not shown". */
  words(): string {
    const statuses = [...this.#byStatus].sort(([a], [b]) => (a < b ? -1 : 1));
    const parts = [
      this.#requests === 0
        ? "no request"
        : `${this.#requests} ${this.#requests === 1 ? "request" : "requests"}: ${statuses.map(([status, count]) => `${count} × ${status}`).join(", ")}`,
    ];
    if (this.#measured > 0) {
      parts.push(`p50 ${formatMs(this.#quantile(0.5))}, p95 ${formatMs(this.#quantile(0.95))}`);
    }
    if (this.#connections > 0) parts.push(`${this.#connections} openings and ends of connections`);
    if (this.#notShown > 0) parts.push(`${this.#notShown} not shown`);
    return parts.join("; ");
  }

  /** Nearest rank. */
  #quantile(quantile: number): number | undefined {
    const sorted = this.#durationsMs.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
  }
}

const KEPT = 10_000;

function timeOf(atMs: number): string {
  const at = new Date(atMs);
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()];
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(hours)}:${two(minutes)}:${two(seconds)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** `200`, `503 UF`, `-` (no answer), `grpc 14`, `opened`. */
function statusOf(event: TapEvent): string {
  const { kind, status = 0, grpcStatus, flags } = event;
  const note = flags === "-" ? "" : ` ${visible(flags)}`;
  if (kind !== "request") return `${kind.replace("connection-", "")}${note}`;
  if (grpcStatus !== undefined && status === 200) {
    return `grpc ${grpcStatus === "" ? "-" : visible(grpcStatus)}${note}`;
  }
  return `${status === 0 ? "-" : status}${note}`;
}

function styleOf({ kind, status = 0, grpcStatus = "0", failedBy }: TapEvent): Style {
  if (kind === "connection-refused") return "red";
  if (kind !== "request") return "cyan";
  if (failedBy !== undefined || status === 0 || status >= 500) return "red";
  if (status >= 400 || grpcStatus !== "0") return "yellow";
  return status >= 300 ? "cyan" : "green";
}

function partyOf({ workload, service, address }: TapEventParty): string {
  const name = workload?.slice(workload.indexOf("/") + 1) ?? service ?? address ?? "unknown";
  return visible(name).slice(0, MOST_PARTY_CHARS);
}

/** What is worth a word: nothing of a request that went as it should. */
function notesOf(event: TapEvent): string[] {
  const notes: string[] = [];
  if (event.failedBy !== undefined) notes.push(`failed by ${event.failedBy}`);
  if (event.attempts !== undefined && event.attempts > 1) notes.push(`${event.attempts} tries`);
  if (event.security === "none") notes.push("plaintext");
  if (event.kind === "connection-closed") {
    notes.push(`${event.requestBytes ?? 0} bytes up, ${event.responseBytes ?? 0} down`);
  }
  if (event.isTraced && event.traceId !== undefined) notes.push(`trace ${event.traceId}`);
  return notes;
}

/** What traffic brings may hold what a terminal would obey: that is shown, not sent to it. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
