import type { FailureKindWire, GraphEdge } from "@heddle/contracts";
import { answerInWords, flagsInWords } from "../../lib/flag-words.ts";

const HOPS: Readonly<Record<FailureKindWire["failedBy"], string>> = {
  app: "The app",
  "outbound-proxy": "The callers' proxy",
  "inbound-proxy": "Its own proxy",
  network: "The network",
};

/**
 * Who failed most of the requests on some edges and how: `The app answers 500`, `The callers' proxy: timed out`. No
 * sentence while no kind of failure has been told.
 */
export function failureSentence(edges: readonly GraphEdge[]): string | undefined {
  const counts = new Map<string, { kind: FailureKindWire; count: number }>();
  for (const kind of edges.flatMap(({ failures }) => failures ?? [])) {
    const key = `${kind.failedBy} ${kind.flags} ${kind.code} ${kind.grpcStatus ?? ""}`;
    const sum = counts.get(key) ?? { kind, count: 0 };
    counts.set(key, { kind, count: sum.count + kind.count });
  }
  const most = [...counts.values()].reduce<{ kind: FailureKindWire; count: number } | undefined>(
    (worst, one) => (worst === undefined || one.count > worst.count ? one : worst),
    undefined,
  );
  if (most === undefined) return undefined;
  const { failedBy, flags, code, grpcStatus } = most.kind;
  const said = flagsInWords(flags);
  if (said !== undefined) return `${HOPS[failedBy]}: ${said}`;
  const answer = answerInWords(code, grpcStatus);
  return `${HOPS[failedBy]} ${code === 0 && grpcStatus === undefined ? "gives" : "answers"} ${answer}`;
}
