import type { FailureKindWire, GraphEdge } from "@heddle/contracts";
import { answerInWords, flagsInWords } from "../../lib/flag-words.ts";

/** What failed on an edge by the hop that failed it, and how; hops without failures are there with 0. */
export type FailedHop = {
  readonly hop: FailureKindWire["failedBy"];
  readonly count: number;
  /** The most frequent first. */
  readonly kinds: readonly FailureKindWire[];
};

export type Failures = {
  readonly failed: number;
  readonly tried: number;
  readonly noun: "requests" | "connections";
  readonly hops: readonly FailedHop[];
  /** Those a fault rule made fail on purpose. */
  readonly injected: number;
};

const WHO_FAILED = {
  app: "app",
  "outbound-proxy": "outboundProxy",
  "inbound-proxy": "inboundProxy",
  network: "network",
} as const;
const HOPS = ["app", "outbound-proxy", "inbound-proxy", "network"] as const;

/** Of an edge with requests its requests; of one with connections alone its connections. */
export function failuresOf({
  protocol,
  signals,
  whoFailed,
  failures = [],
  tcp,
}: GraphEdge): Failures {
  const ofTcp = protocol === "tcp";
  const hops = HOPS.map((hop): FailedHop => {
    const kinds = failures.filter(({ failedBy }) => failedBy === hop);
    const count = ofTcp ? sumOf(kinds) : whoFailed[WHO_FAILED[hop]];
    return { hop, count, kinds };
  });
  const injected = sumOf(failures.filter(({ flags }) => flags.split(",").includes("FI")));
  return ofTcp
    ? {
        failed: tcp?.failed ?? 0,
        tried: (tcp?.failed ?? 0) + (tcp?.opened ?? 0),
        noun: "connections",
        hops,
        injected,
      }
    : { failed: signals.errors, tried: signals.requests, noun: "requests", hops, injected };
}

function sumOf(kinds: readonly FailureKindWire[]): number {
  return kinds.reduce((sum, { count }) => sum + count, 0);
}

/** "answered 500" of an app, "timed out (UT)" of a proxy: the most frequent kind, and how many more there are. */
export function hopInWords({ hop, kinds }: FailedHop, appName: string): string {
  const [first] = kinds;
  if (first === undefined) return "";
  const words =
    hop === "app" && flagsInWords(first.flags) === undefined
      ? `${appName} answered ${answerInWords(first.code, first.grpcStatus)}`
      : `${flagsInWords(first.flags) ?? answerInWords(first.code, first.grpcStatus)}${inBrackets(first.flags)}`;
  return kinds.length === 1 ? words : `${words}, and ${kinds.length - 1} more`;
}

function inBrackets(flags: string): string {
  return flags === "-" || flags === "" ? "" : ` (${flags})`;
}
