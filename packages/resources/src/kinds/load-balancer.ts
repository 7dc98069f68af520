import type { BalancingAlgorithm, HashKey, LoadBalancer } from "@heddle/mesh";
import { z } from "zod";
import { fields, ignored, warnIf } from "../schema/field-status.ts";
import { count, durationMs, durationOrZeroMs } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";
import { localityLbSetting } from "./locality.ts";

const SIMPLE = [
  ...["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"],
] as const;
const KINDS: Readonly<Record<string, BalancingAlgorithm>> = {
  ROUND_ROBIN: { kind: "round-robin" },
  RANDOM: { kind: "random" },
  PASSTHROUGH: { kind: "passthrough" },
};
const LEAST_REQUEST: BalancingAlgorithm = { kind: "least-request" };
const DEFAULT_RING = 1024;
const MAX_RING = 8 * 1024 * 1024; // Envoy's maximum
const MAX_TABLE = 5_000_011;

const httpCookie = fields({
  name: z.string().min(1, "name required for HttpCookie"),
  path: z.string().optional(),
  ttl: durationOrZeroMs.optional(),
  attributes: z.array(fields({ name: z.string().min(1), value: z.string().optional() })).optional(),
});

const consistentHash = warnIf(
  fields({
    httpHeaderName: z.string().min(1).optional(),
    httpCookie: httpCookie.optional(),
    useSourceIp: z.boolean().optional(),
    httpQueryParameterName: z.string().min(1).optional(),
    ringHash: fields({ minimumRingSize: count().optional() }).optional(),
    maglev: fields({ tableSize: count().optional() }).optional(),
    minimumRingSize: count().optional(),
  }).transform((written, context): BalancingAlgorithm => {
    const issue = (message: string) => context.addIssue(message);
    const keys = readKeys(written);
    const [key] = keys;
    if (!key || keys.length > 1) {
      issue(
        "expected exactly one of httpHeaderName, httpCookie, useSourceIp (true) and httpQueryParameterName",
      );
      return z.NEVER;
    }
    const { maglev, ringHash, minimumRingSize } = written;
    if (minimumRingSize && (maglev || ringHash)) {
      issue("only one of MinimumRingSize or Maglev/Ringhash can be specified");
    }
    if (maglev && ringHash) issue("expected one of maglev and ringHash, not both");
    if (maglev) {
      const fault = findTableFault(maglev.tableSize ?? 0);
      if (fault) issue(fault);
      return { kind: "maglev", key, tableSize: maglev.tableSize ?? 0 };
    }
    const size = ringHash?.minimumRingSize || minimumRingSize || DEFAULT_RING;
    if (size > MAX_RING) issue(`minimumRingSize must be at most ${MAX_RING}`);
    return { kind: "ring-hash", key, minimumRingSize: size };
  }),
  ({ minimumRingSize }) =>
    minimumRingSize
      ? "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead (ringHash.minimumRingSize)"
      : undefined,
);

type WrittenHash = {
  readonly httpHeaderName?: string | undefined;
  readonly httpCookie?: z.output<typeof httpCookie> | undefined;
  readonly useSourceIp?: boolean | undefined;
  readonly httpQueryParameterName?: string | undefined;
};

function readKeys(written: WrittenHash): HashKey[] {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = written;
  const keys: (HashKey | undefined)[] = [
    httpHeaderName === undefined
      ? undefined
      : { kind: "header", name: httpHeaderName.toLowerCase() },
    httpCookie &&
      withoutUndefined({
        kind: "cookie" as const,
        name: httpCookie.name,
        path: httpCookie.path || undefined,
        ttlSeconds: httpCookie.ttl === undefined ? undefined : httpCookie.ttl / 1000,
        attributes: httpCookie.attributes?.length ? httpCookie.attributes : undefined,
      }),
    useSourceIp ? { kind: "source-ip" } : undefined,
    httpQueryParameterName === undefined
      ? undefined
      : { kind: "query", name: httpQueryParameterName },
  ];
  return keys.filter((key) => key !== undefined);
}

function findTableFault(size: number): string | undefined {
  if (size === 0) return "tableSize must be set for maglev; 65537 is a good one";
  if (size >= MAX_TABLE) return `tableSize must be less than ${MAX_TABLE} for maglev`;
  return isPrime(size) ? undefined : "tableSize must be a prime number for maglev; 65537 is one";
}

function isPrime(value: number): boolean {
  if (value < 4) return value > 0;
  if (value % 2 === 0) return false;
  for (let factor = 3; factor * factor <= value; factor += 2)
    if (value % factor === 0) return false;
  return true;
}

const warmup = fields({
  duration: durationMs,
  minimumPercent: z
    .number()
    .min(0, "expected a percentage from 0 to 100")
    .max(100, "expected a percentage from 0 to 100")
    .optional(),
  aggression: z.number().min(0, "expected 0 or more; 1 is linear").optional(),
}).transform(({ duration, minimumPercent, aggression }) => ({
  durationMs: duration,
  minimumRatio: (minimumPercent ?? 10) / 100,
  aggression: aggression || 1,
}));

/** Heddle's own: two choices by latency, where a failure never looks fast. */
const latencyAware = fields({
  decay: durationMs.optional(),
  failurePenalty: durationOrZeroMs.optional(),
}).transform(
  ({ decay, failurePenalty }): BalancingAlgorithm => ({
    kind: "peak-ewma",
    decayMs: decay ?? 10_000,
    failurePenaltyMs: failurePenalty ?? 5000,
  }),
);

const istioFields = {
  simple: z.enum(SIMPLE as readonly [string, ...string[]]).optional(),
  consistentHash: consistentHash.optional(),
  localityLbSetting: localityLbSetting.optional(),
  zoneAwareLbSetting: ignored(
    "zone-aware balancing needs every proxy's own place among at least six endpoints; use localityLbSetting",
  ),
  warmupDurationSecs: durationMs.optional(),
  warmup: warmup.optional(),
};

type Written = {
  readonly simple?: string | undefined;
  readonly consistentHash?: BalancingAlgorithm | undefined;
  readonly latencyAware?: BalancingAlgorithm | undefined;
  readonly localityLbSetting?: z.output<typeof localityLbSetting> | undefined;
  readonly zoneAwareLbSetting?: unknown;
  readonly warmupDurationSecs?: number | undefined;
  readonly warmup?: LoadBalancer["warmup"];
};

function toLoadBalancer(written: Written, context: z.RefinementCtx): LoadBalancer {
  const { simple, consistentHash, latencyAware } = written;
  if ([simple, consistentHash, latencyAware].filter((one) => one !== undefined).length > 1) {
    context.addIssue("expected one of simple, consistentHash and latencyAware, not several");
  }
  if (written.localityLbSetting !== undefined && written.zoneAwareLbSetting !== undefined) {
    context.addIssue("only one of localityLbSetting and zoneAwareLbSetting can be set");
  }
  const seconds = written.warmupDurationSecs;
  return withoutUndefined({
    algorithm: consistentHash ?? latencyAware ?? KINDS[simple ?? ""] ?? LEAST_REQUEST,
    locality: written.localityLbSetting,
    warmup:
      written.warmup ??
      (seconds === undefined
        ? undefined
        : { durationMs: seconds, minimumRatio: 0.1, aggression: 1 }),
  });
}

function warnOf(written: {
  readonly simple?: string | undefined;
  readonly consistentHash?: unknown;
  readonly warmup?: unknown;
  readonly warmupDurationSecs?: unknown;
}) {
  const { simple = "LEAST_REQUEST", warmupDurationSecs } = written;
  const isGradual = written.consistentHash === undefined && !/^(RANDOM|PASSTHROUGH)$/.test(simple);
  const warmed = written.warmup !== undefined || warmupDurationSecs !== undefined;
  return [
    ...(warmed && !isGradual
      ? [
          {
            at: ["warmup"],
            message: "has no effect beside this algorithm, only with ROUND_ROBIN and LEAST_REQUEST",
          },
        ]
      : []),
    ...(warmupDurationSecs === undefined
      ? []
      : [{ at: ["warmupDurationSecs"], message: "is deprecated; use warmup.duration" }]),
    ...(simple === "LEAST_CONN"
      ? [{ at: ["simple"], message: "LEAST_CONN is deprecated and means LEAST_REQUEST" }]
      : []),
  ];
}

/** LoadBalancerSettings. */
export const loadBalancer = warnIf(fields(istioFields).transform(toLoadBalancer), warnOf);

/** The same with Heddle's own algorithm (heddle.dev/v1). */
export const anyLoadBalancer = warnIf(
  fields({ ...istioFields, latencyAware: latencyAware.optional() }).transform(toLoadBalancer),
  warnOf,
);
