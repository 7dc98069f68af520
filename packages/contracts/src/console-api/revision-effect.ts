import { z } from "zod";

/** What followed a revision, and what people wrote on it: parts of `RevisionSummary`. Times are epoch ms. */

/**
 * `pending`: too early to say, judged again every few seconds. `not-enough-traffic`: too few requests on
 * one side for a difference to mean anything. `no-change`: there may be one, too small to matter or to see.
 */
export const EffectVerdict = z.enum([
  "worse",
  "better",
  "no-change",
  "not-enough-traffic",
  "pending",
]);

/** The figures that are judged. The rate is told, not judged: more requests are neither good nor bad. */
export const EffectSignal = z.enum(["errorRatio", "p50Ms", "p95Ms", "p99Ms", "mtlsRatio"]);

/** In the list. Absent on revisions made before effects were kept. */
export const EffectSummary = z.object({
  verdict: EffectVerdict,
  /** Nothing will change it any more. */
  isFinal: z.boolean(),
  /** The figure that decides: the worst one, else the one that got better most. Absent unless worse or better. */
  because: z
    .object({
      service: z.string(), // namespace/name
      signal: EffectSignal,
      before: z.number(), // a ratio 0–1, or ms
      after: z.number(),
    })
    .optional(),
  /** Requests of all touched services on both sides. */
  requestsBefore: z.number().int(),
  requestsAfter: z.number().int(),
});

/** One side of a revision: whole 10 s buckets in [fromMs, toMs). Absent figures: no request finished. */
export const EffectSide = z.object({
  requests: z.number().int(),
  requestsPerSecond: z.number(),
  errors: z.number().int(),
  errorRatio: z.number().optional(),
  p50Ms: z.number().optional(),
  p95Ms: z.number().optional(),
  p99Ms: z.number().optional(),
  /** Of the requests whose encryption is known, those over mTLS. */
  mtlsRatio: z.number().optional(),
});

/** 10 s of a service's traffic. */
export const EffectPoint = EffectSide.omit({ errors: true }).extend({ startMs: z.number() });

export const ServiceEffect = z.object({
  service: z.string(), // namespace/name
  verdict: EffectVerdict,
  before: EffectSide,
  after: EffectSide,
  /** Each judged figure by itself; never `pending`. */
  signals: z.array(z.object({ signal: EffectSignal, verdict: EffectVerdict })),
  /** Both sides and what lies between, oldest first; quiet steps are left out. */
  points: z.array(EffectPoint),
});

/** `GET /revisions/:revision/effect`. */
export const RevisionEffect = EffectSummary.extend({
  revision: z.number().int(),
  judgedAtMs: z.number(),
  /** Ends at the change, at most 6 min long; begins later where an earlier change to the same services lies. */
  before: z.object({ fromMs: z.number(), toMs: z.number() }),
  /** Begins once the proxies run the change; ends 6 min later or at the next change to the same services. */
  after: z.object({ fromMs: z.number(), toMs: z.number() }),
  /** The revisions that cut the sides short. */
  previousRevision: z.number().int().optional(),
  nextRevision: z.number().int().optional(),
  /** Busiest first, at most 20; `servicesTotal` counts those with traffic. */
  services: z.array(ServiceEffect),
  servicesTotal: z.number().int(),
});

/** What people put on a revision. It never changes the revision itself. Absent: nothing was put on it. */
export const RevisionMarks = z.object({
  /** Unique in the mesh; `heddle rollback NAME` takes it. */
  name: z.string().optional(),
  isPinned: z.boolean(),
  /** Who pinned or named it last. */
  author: z.string().optional(),
  atMs: z.number().optional(),
  comments: z.number().int(),
});

export type EffectVerdict = z.infer<typeof EffectVerdict>;
export type EffectSignal = z.infer<typeof EffectSignal>;
export type EffectSummary = z.infer<typeof EffectSummary>;
export type EffectSide = z.infer<typeof EffectSide>;
export type EffectPoint = z.infer<typeof EffectPoint>;
export type ServiceEffect = z.infer<typeof ServiceEffect>;
export type RevisionEffect = z.infer<typeof RevisionEffect>;
export type RevisionMarks = z.infer<typeof RevisionMarks>;
