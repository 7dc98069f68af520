import type { Attributes, PartialSuccess, ResourceSpans, Span } from "@heddle/contracts";
import { edgeId, outsideNode, parseId, type TrafficNode, workloadNode } from "@heddle/mesh";
import type { SpanQueue } from "./span-queue.ts";
import type { EdgeRecord, TrafficMemory } from "./traffic-memory.ts";

const KIND_NUMBERS = {
  unspecified: 0,
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
} as const;
const STATUS_NUMBERS = { unset: 0, ok: 1, error: 2 } as const;

/** Partitions reach that far, and no further. */
const MAX_AGE_MS = 23 * 3_600_000;
const MAX_AHEAD_MS = 600_000;
const NANOS_PER_MS = 1_000_000n;
const MAX_TEXT_LENGTH = 512;
const MAX_ATTRIBUTES_LENGTH = 16_384;
const MAX_DURATION_US = 9_000_000_000_000_000n;

/** Queues spans for the database. What cannot be kept is rejected with a reason (OTLP's partial success). */
export function foldSpans(
  resources: readonly ResourceSpans[],
  memory: TrafficMemory,
  queue: SpanQueue,
  nowMs: number,
): PartialSuccess {
  let malformed = 0;
  let outOfTime = 0;
  let tooLarge = 0;
  for (const { resource, spans, malformed: broken } of resources) {
    malformed += broken;
    const owner = ownerOf(resource);
    for (const span of spans) {
      const startMs = Number(span.startUnixNano / NANOS_PER_MS);
      if (startMs < nowMs - MAX_AGE_MS || startMs > nowMs + MAX_AHEAD_MS) {
        outOfTime += 1;
        continue;
      }
      const attributesJson = JSON.stringify(span.attributes);
      if (attributesJson.length > MAX_ATTRIBUTES_LENGTH) {
        tooLarge += 1;
        continue;
      }
      const durationUs = (span.endUnixNano - span.startUnixNano) / 1000n;
      queue.push({
        startUnixNano: span.startUnixNano,
        durationUs: durationUs < MAX_DURATION_US ? durationUs : MAX_DURATION_US,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        edge: edgeOf(span, owner, memory, nowMs),
        kind: KIND_NUMBERS[span.kind],
        status: STATUS_NUMBERS[span.status],
        httpStatus: httpStatusOf(span.attributes),
        service: owner.service,
        operation: span.name.slice(0, MAX_TEXT_LENGTH),
        attributesJson,
      });
    }
  }
  const reasons = [
    malformed > 0 ? `${malformed} spans: ids of a wrong length, or an end before the start` : "",
    outOfTime > 0 ? `${outOfTime} spans: start is older than 23 h or more than 10 min ahead` : "",
    tooLarge > 0 ? `${tooLarge} spans: attributes above ${MAX_ATTRIBUTES_LENGTH} characters` : "",
  ];
  return {
    rejected: malformed + outOfTime + tooLarge,
    message: reasons.filter((reason) => reason !== "").join("; "),
  };
}

type Owner = {
  readonly service: string;
  readonly namespace: string;
  readonly node: TrafficNode | undefined;
};

function ownerOf(resource: Attributes): Owner {
  const service = textOf(resource["service.name"]) ?? "unknown";
  const namespace = textOf(resource["service.namespace"]) ?? "default";
  const id = parseId(textOf(resource["heddle.workload"]) ?? "");
  const version = textOf(resource["service.version"]);
  const node = id && workloadNode({ namespace: id.namespace, workload: id.name, service, version });
  return { service: service.slice(0, MAX_TEXT_LENGTH), namespace, node };
}

/**
 * The edge a proxy's span lies on, so that an edge's recent requests can be found: client spans where the
 * caller has a proxy, server spans where it has none. `undefined`: another program's span.
 */
function edgeOf(
  span: Span,
  owner: Owner,
  memory: TrafficMemory,
  nowMs: number,
): EdgeRecord | undefined {
  if (owner.node === undefined) return undefined;
  const peer = (name: string) => peerNode(span.attributes[name], owner.namespace);
  if (span.kind === "client") {
    const external = externalEdge(span, owner.node, memory);
    if (external !== undefined) return external;
    const destination = peer("heddle.destination_workload");
    if (destination) return memory.edgeBetween(owner.node, destination, nowMs);
    return unreachedEdge(span, owner.node, memory);
  }
  if (span.kind !== "server" || peer("heddle.source_workload") !== undefined) return undefined;
  const address = textOf(span.attributes["client.address"]) ?? "unknown";
  return memory.edgeBetween(outsideNode(address), owner.node, nowMs);
}

/** A host outside the mesh, whatever a ServiceEntry calls its endpoints: named in the span's name alone. */
function externalEdge(span: Span, source: TrafficNode, memory: TrafficMemory) {
  const host = askedOf(span).replace(/:\d+$/, "");
  return memory.findEdge(edgeId(source.id, `external/${host}`));
}

function askedOf({ name }: Span): string {
  return name.slice(name.indexOf(" ") + 1);
}

/** A service without an endpoint: named in the span's name alone. */
function unreachedEdge(span: Span, source: TrafficNode, memory: TrafficMemory) {
  const asked = askedOf(span);
  const ids = [`service/${asked}`, `service/${source.namespace}/${asked}`];
  for (const id of ids) {
    const edge = memory.findEdge(edgeId(source.id, id));
    if (edge) return edge;
  }
  return undefined;
}

function peerNode(value: unknown, namespace: string): TrafficNode | undefined {
  const text = textOf(value);
  if (text === undefined || text === "unknown" || /[\s>]/.test(text)) return undefined;
  const id = text.includes("/") ? parseId(text) : { namespace, name: text };
  if (id === undefined || id.name === "unknown" || id.namespace === "unknown") return undefined;
  return workloadNode({
    namespace: id.namespace,
    workload: id.name,
    service: undefined,
    version: undefined,
  });
}

function httpStatusOf(attributes: Attributes): number {
  const status = Number(attributes["http.response.status_code"] ?? attributes["http.status_code"]);
  return Number.isInteger(status) && status > 0 && status < 1000 ? status : 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= 253 ? value : undefined;
}
