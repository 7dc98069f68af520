import type { SpanWire, TraceResponse } from "@heddle/contracts";

type Facts = SpanWire["attributes"];

/** What became of one request, in sentences: who asked whom, which hop failed or refused it, by which rule. */
export function explainTrace({ traceId, spans }: TraceResponse): string[] {
  const [root] = spans;
  if (root === undefined) return [`No span of trace ${traceId} is kept.`];
  const guilty = findGuilty(spans);
  const asked = `${factOf(root.attributes, "http.request.method")} ${factOf(root.attributes, "url.path")}`;
  const seen = `${asked} was answered ${root.httpStatus ?? "with nothing"} after ${formatMs(root.durationUs)}; ${spans.length} spans are kept.`;
  if (guilty === undefined) return [seen, "No hop says that it failed or refused it."];
  return [seen, ...explainSpan(guilty)];
}

/** The span that lies deepest among those that failed or were denied: what is above it only passed it on. */
function findGuilty(spans: readonly SpanWire[]): SpanWire | undefined {
  const guilty = spans.filter(isGuilty);
  const parents = new Set(guilty.map(({ parentSpanId }) => parentSpanId));
  return guilty.find(({ spanId }) => !parents.has(spanId)) ?? guilty.at(-1);
}

function isGuilty({ status, httpStatus = 0, attributes }: SpanWire): boolean {
  return (
    status === "error" || httpStatus >= 500 || attributes["heddle.authorization"] !== undefined
  );
}

function explainSpan({ attributes, httpStatus, kind }: SpanWire): string[] {
  const from = factOf(attributes, "heddle.source_workload");
  const to = factOf(attributes, "heddle.destination_workload");
  const effect = attributes["heddle.authorization"];
  if (effect !== undefined) return explainDenial(attributes, from, to);
  const failedBy = factOf(attributes, "heddle.failed_by");
  const flags = factOf(attributes, "heddle.flags");
  const rule = attributes["heddle.rule"];
  const endpoint = attributes["heddle.endpoint"];
  const revision = attributes["heddle.revision"];
  const who = failedBy === "" ? (kind === "server" ? "inbound-proxy" : "app") : failedBy;
  return [
    `${from} → ${to}: the ${who.replace("-", " ")} failed it, ${httpStatus ?? "no answer"}, flags ${flags}.`,
    ...(rule === undefined ? [] : [`Its way was chosen by ${rule}, revision ${revision ?? "?"}.`]),
    ...(endpoint === undefined ? [] : [`The last endpoint asked was ${endpoint}.`]),
  ];
}

function explainDenial(attributes: Facts, from: string, to: string): string[] {
  const isShadow = attributes["heddle.authorization"] === "would-deny";
  const caller = from === "unknown" ? `a caller at ${factOf(attributes, "client.address")}` : from;
  const verdict = isShadow ? "would be denied if its policy were enforced" : "was denied";
  const rule = attributes["heddle.authorization.rule"];
  if (rule !== undefined)
    return [`${caller} → ${to}: it ${verdict}. DENY rule ${rule} matches it.`];
  const nearest = attributes["heddle.authorization.nearest"];
  const fields = factOf(attributes, "heddle.authorization.fields").replaceAll(",", ", ");
  const came =
    nearest === undefined
      ? "There is an ALLOW policy, but no rule that could allow it."
      : `Rule ${nearest} came nearest; the request does not meet ${fields}.`;
  return [`${caller} → ${to}: it ${verdict}. No ALLOW rule lets it in.`, came];
}

function factOf(attributes: Facts, name: string): string {
  return String(attributes[name] ?? "");
}

function formatMs(durationUs: number): string {
  return `${Math.round(durationUs / 100) / 10} ms`;
}
