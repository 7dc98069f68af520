import { z } from "zod";
import { ResourceKind } from "./mesh-state.ts";

/** Who was not let in and why (collector), and the rules that would let him in (control plane). Times are epoch ms. */

/** Who called: `workload` of a caller with an identity, else only the address it came from. */
export const CallerWire = z.object({
  namespace: z.string().optional(),
  workload: z.string().optional(),
  address: z.string().optional(),
});

/** What an AuthorizationPolicy said: one caller, one rule, one kind of request. */
export const Denial = z.object({
  /** Stable over queries. */
  id: z.string(),
  source: CallerWire,
  destination: z.object({ namespace: z.string(), workload: z.string() }),
  /** `would-deny`: by a policy in shadow mode; the request passed. */
  effect: z.enum(["denied", "would-deny"]),
  method: z.string(),
  /** Segments that look like ids stand as `{*}`. */
  path: z.string(),
  /** The policy whose DENY rule matched, `namespace/name`; absent: no ALLOW rule did. */
  policy: z.string().optional(),
  rule: z.number().int().optional(),
  /** The ALLOW rule that came nearest. */
  nearest: z.object({ policy: z.string(), rule: z.number().int() }).optional(),
  /** The fields of that rule the request did not meet: `from[0].source.principals`. */
  fields: z.array(z.string()),
  count: z.number().int(),
  firstSeenMs: z.number(),
  lastSeenMs: z.number(),
  lastTraceId: z.string(),
});
export const DenialsResponse = z.object({
  windowMs: z.number(),
  asOfMs: z.number(),
  /** Newest first. */
  denials: z.array(Denial),
  /** There were more kinds than are told. */
  isTruncated: z.boolean(),
});

/** `GET /observed-calls`: what a least-privilege policy is made of. */
export const ObservedCall = z.object({
  source: CallerWire,
  destination: z.object({ namespace: z.string(), workload: z.string() }),
  requests: z.number().int(),
  lastSeenMs: z.number(),
  /** Of the requests, those whose method and path are known (spans that were kept). */
  sampledRequests: z.number().int(),
  operations: z.array(
    z.object({ method: z.string(), path: z.string(), requests: z.number().int() }),
  ),
});
export const ObservedCallsResponse = z.object({
  windowMs: z.number(),
  calls: z.array(ObservedCall),
});

/** `POST /policies/suggest`; nothing is applied. */
export const SuggestRequest = z.discriminatedUnion("from", [
  z.object({
    from: z.literal("denial"),
    /** As `GET /denials` told it: what is not needed of it is passed over. */
    denial: Denial.pick({
      source: true,
      destination: true,
      method: true,
      path: true,
      policy: true,
      rule: true,
      nearest: true,
    }).loose(),
  }),
  z.object({
    from: z.literal("traffic"),
    calls: z.array(ObservedCall).max(5000),
    /** Methods and paths too, not only who calls: what was seen too seldom would be denied. */
    includesOperations: z.boolean().default(false),
    /** `istio.io/dry-run`: counted, not enforced. */
    isShadow: z.boolean().default(true),
  }),
]);
export const SuggestedDocument = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  yaml: z.string(),
  /** As it stands now; absent: it is new. */
  before: z.string().optional(),
  /** For the optimistic lock of `/apply`; 0: new. */
  revision: z.number().int(),
  /** Unified diff with 3 lines of context. */
  diff: z.string(),
});
export const SuggestResponse = z.object({
  documents: z.array(SuggestedDocument),
  /** What applying them does, in sentences. */
  explanation: z.array(z.string()),
  warnings: z.array(z.string()),
});

/** `POST /why`: what the rules in force say of a request that need not have been sent. */
export const WhyRequest = z.object({
  source: CallerWire,
  destination: z.object({ namespace: z.string().min(1), workload: z.string().min(1) }),
  /** The app's port; absent: its first. */
  port: z.number().int().min(1).max(65_535).optional(),
  method: z.string().max(64).default("GET"),
  path: z.string().max(8192).default("/"),
  host: z.string().max(253).optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
export const WhyResponse = z.object({
  isAllowed: z.boolean(),
  /** One sentence: who may (not) and by what. */
  summary: z.string(),
  mtls: z.object({
    mode: z.enum(["DISABLE", "PERMISSIVE", "STRICT"]),
    policy: z.string().optional(),
    isRefused: z.boolean(),
  }),
  /** Every rule that had a say, in the order they are asked; shadow ones say what they would do. */
  rules: z.array(
    z.object({
      policy: z.string(), // namespace/name
      rule: z.number().int(),
      action: z.enum(["ALLOW", "DENY"]),
      isShadow: z.boolean(),
      isMatch: z.boolean(),
      failed: z.array(
        z.object({ field: z.string(), wanted: z.array(z.string()), seen: z.string() }),
      ),
    }),
  ),
});

export type CallerWire = z.infer<typeof CallerWire>;
export type Denial = z.infer<typeof Denial>;
export type DenialsResponse = z.infer<typeof DenialsResponse>;
export type ObservedCall = z.infer<typeof ObservedCall>;
export type ObservedCallsResponse = z.infer<typeof ObservedCallsResponse>;
export type SuggestRequest = z.infer<typeof SuggestRequest>;
export type SuggestedDocument = z.infer<typeof SuggestedDocument>;
export type SuggestResponse = z.infer<typeof SuggestResponse>;
export type WhyRequest = z.infer<typeof WhyRequest>;
export type WhyResponse = z.infer<typeof WhyResponse>;
