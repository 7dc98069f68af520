import { ResourceKind } from "@heddle/contracts";
import { z } from "zod";

/** A document as a source names it. */
export const SourceDocument = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  /** In canonical form. */
  yaml: z.string(),
  file: z.string().optional(),
  line: z.number().int().optional(),
  /** When the source named it first: by age rivals are ranked. */
  createdAtMs: z.number(),
  /** It holds while this document does, by `formatRef`. */
  dependsOn: z.string().optional(),
});

export const SourceFault = z.object({
  file: z.string().optional(),
  line: z.number().int().optional(),
  message: z.string(),
});

/** A service that would lose too many endpoints by what the source says now. */
export const SourceHold = z.object({
  id: z.string(),
  service: z.string(), // namespace/name
  sinceMs: z.number(),
  endpointsBefore: z.number().int(),
  endpointsAfter: z.number().int(),
  /** The documents that are kept as they were, by `formatRef`; `next`: what they would be; absent: gone. */
  kept: z.array(z.object({ ref: z.string(), next: SourceDocument.optional() })),
  dismissedBy: z.string().optional(),
  dismissedAtMs: z.number().optional(),
});

export const SourceLookup = z.object({
  name: z.string(),
  type: z.enum(["A", "AAAA", "ADDRESS", "SRV"]),
  state: z.enum(["ok", "failing"]),
  ttlSeconds: z.number().optional(),
  answeredAtMs: z.number().optional(),
  nextAtMs: z.number().optional(),
  /** Endpoints of its last good answer, as the generated document has them. */
  endpoints: z.array(
    z.object({
      address: z.string(),
      port: z.number().int(),
      weight: z.number().int().optional(),
    }),
  ),
});

/** What is kept of a source in the database: what it named last and is in force, and how it fares. */
export const SourceContent = z.object({
  state: z.enum(["ok", "failing"]),
  /** Of the state. */
  sinceMs: z.number(),
  lastReadAtMs: z.number().optional(),
  lastChangeAtMs: z.number().optional(),
  /** In force; those that are held stand here as they were. */
  documents: z.array(SourceDocument),
  faults: z.array(SourceFault),
  holds: z.array(SourceHold),
  lookups: z.array(SourceLookup).optional(),
  /** The control plane that wrote this. */
  readBy: z.string().optional(),
});

export type SourceDocument = z.infer<typeof SourceDocument>;
export type SourceFault = z.infer<typeof SourceFault>;
export type SourceHold = z.infer<typeof SourceHold>;
export type SourceLookup = z.infer<typeof SourceLookup>;
export type SourceContent = z.infer<typeof SourceContent>;

/** Nothing was ever read. */
export function emptyContent(nowMs: number): SourceContent {
  return { state: "ok", sinceMs: nowMs, documents: [], faults: [], holds: [] };
}
