import { formatId, type ServiceId } from "@heddle/mesh";
import {
  type ConfigDb,
  countObservedRequests,
  findCountedUntil,
  findObservedEdges,
  findSampledRequests,
  type ObservedEdge,
  type ObservedNode,
  type SampledRequest,
} from "@heddle/store";
import { hostOf } from "../snapshot/service-host.ts";
import type { Breather } from "./breather.ts";

/** An edge with what was counted on it in the window. */
export type CountedEdge = ObservedEdge & {
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  /** Opaque ones that were opened in the window. */
  readonly connections: number;
};

/** A request, and how many like it there were. */
export type WeightedSample = SampledRequest & { readonly weight: number };

/** What was seen of the traffic a change touches. */
export type ObservedTraffic = {
  /** Into what is touched, busiest first. */
  readonly inward: readonly CountedEdge[];
  /** Out of the touched services' workloads, busiest first. */
  readonly onward: readonly CountedEdge[];
  /** Over so long a time, in s. */
  readonly seconds: number;
  readonly samples: readonly WeightedSample[];
  readonly isTruncated: boolean;
};

/** Whose traffic is asked for. */
export type TrafficQuestion = {
  /** Services, and those their rules lead to. */
  readonly services: readonly ServiceId[];
  /** `namespace/name`. */
  readonly workloads: ReadonlySet<string>;
  /** The service a workload serves, `namespace/name`; `undefined`: nobody has registered it. */
  readonly serviceOf: (workload: string) => string | undefined;
  readonly windowMs: number;
  readonly nowMs: number;
};

const MAX_SAMPLES = 4000;
const MAX_SAMPLED_EDGES = 200;
const MAX_COUNTED_EDGES = 2000;
const MIN_PER_EDGE = 20;
const MAX_PER_EDGE = 1000;

/** Reads counts and sampled requests of the last window. Throws `DatabaseUnavailableError`. */
export async function observeTraffic(
  db: ConfigDb,
  question: TrafficQuestion,
  breather: Breather,
): Promise<ObservedTraffic> {
  const { nowMs, windowMs } = question;
  const toMs = Math.min(nowMs, (await findCountedUntil(db, nowMs)) ?? nowMs);
  const fromMs = toMs - windowMs;
  const wanted = new WantedNodes(question);
  const all = await findObservedEdges(db, fromMs);
  const relevant: ObservedEdge[] = [];
  for (const edge of all) {
    if (relevant.length >= MAX_COUNTED_EDGES) break;
    if (wanted.isTouched(edge.destination) || wanted.isTouched(edge.source)) relevant.push(edge);
    await breather.breathe();
  }
  const ids = relevant.map(({ id }) => id);
  const counts = new Map(
    (await countObservedRequests(db, ids, fromMs, toMs)).map((one) => [one.edgeId, one]),
  );
  const firstMs = Math.min(toMs, ...[...counts.values()].map((one) => one.firstMs));
  const seconds = Math.max(1, (toMs - Math.max(fromMs, firstMs)) / 1000);
  const counted = relevant
    .flatMap((edge): CountedEdge[] => {
      const count = counts.get(edge.id);
      if (!count) return [];
      const { requests, failed, connections } = count;
      return [{ ...edge, requests, failed, connections, perSecond: requests / seconds }];
    })
    .sort((a, b) => b.requests - a.requests);
  const inward = counted.filter(({ destination }) => wanted.isTouched(destination));
  const onward = counted.filter(({ source }) => wanted.isTouched(source));
  return {
    inward,
    onward,
    seconds,
    ...(await sampleEdges(db, inward, fromMs, breather)),
  };
}

async function sampleEdges(
  db: ConfigDb,
  inward: readonly CountedEdge[],
  fromMs: number,
  breather: Breather,
): Promise<Pick<ObservedTraffic, "samples" | "isTruncated">> {
  const withRequests = inward.filter(({ requests }) => requests > 0);
  const asked = withRequests.slice(0, MAX_SAMPLED_EDGES);
  const even = Math.floor(MAX_SAMPLES / Math.max(1, asked.length));
  const limit = Math.min(MAX_PER_EDGE, Math.max(MIN_PER_EDGE, even));
  const samples: WeightedSample[] = [];
  let isTruncated = asked.length < withRequests.length;
  for (const edge of asked) {
    const rows = await findSampledRequests(db, edge.id, fromMs, limit);
    isTruncated ||= rows.length === limit;
    const once = [...new Map(rows.map((one) => [`${one.traceId} ${one.spanId}`, one])).values()];
    const { failed = [], served = [] } = Object.groupBy(once, (one) =>
      isFailed(one) ? "failed" : "served",
    );
    // Failed requests are sampled whatever the ratio: each kind stands for the count of its own.
    const weigh = (kind: readonly SampledRequest[], count: number) => {
      const weight = Math.max(1, count / Math.max(1, kind.length));
      samples.push(...kind.map((one) => ({ ...one, weight })));
    };
    weigh(failed, edge.failed);
    weigh(served, edge.requests - edge.failed);
    await breather.breathe();
  }
  return { samples, isTruncated };
}

function isFailed({ status }: SampledRequest): boolean {
  return status === 0 || status >= 500;
}

/** Which of the collector's nodes a question is about. */
class WantedNodes {
  readonly #question: TrafficQuestion;
  readonly #services: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  constructor(question: TrafficQuestion) {
    this.#question = question;
    this.#services = new Set(question.services.map(formatId));
    this.#hosts = new Set(question.services.map(hostOf));
  }

  isTouched(node: ObservedNode): boolean {
    const { id, kind, namespace, service, workload } = node;
    if (kind === "external") return this.#hosts.has(id.slice("external/".length));
    if (workload !== null) {
      const key = formatId({ namespace, name: workload });
      if (this.#question.workloads.has(key)) return true;
      const own = this.#question.serviceOf(key);
      if (own !== undefined) return this.#services.has(own);
    }
    if (service === null) return false;
    return this.#services.has(formatId({ namespace, name: service }));
  }
}

/** `namespace/workload` of one of the collector's nodes; `undefined`: outside, or only a name. */
export function keyOfNode({ namespace, workload }: ObservedNode): string | undefined {
  return workload ? formatId({ namespace, name: workload }) : undefined;
}
