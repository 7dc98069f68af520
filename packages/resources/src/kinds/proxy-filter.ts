import { z } from "zod";
import type { ProxyFilterDocument } from "../documents/policy-documents.ts";
import { fields } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { durationMs } from "./fields.ts";
import { readSelector, selector } from "./policy-target.ts";

const DEFAULT_BUDGET_MS = 50;
const MAX_BUDGET_MS = 10_000;

const filter = fields({
  name: z
    .string()
    .regex(
      /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
      "expected the name under which a proxy finds the filter: lower-case letters, digits and hyphens",
    ),
  direction: z.enum(["inbound", "outbound"]).default("inbound"),
  settings: z.unknown().optional(),
  onFailure: z.enum(["skip", "fail"]).default("fail"),
  budget: durationMs
    .refine((ms) => ms <= MAX_BUDGET_MS, `expected a duration from 1ms to ${MAX_BUDGET_MS / 1000}s`)
    .optional(),
  isolation: z.enum(["inline", "worker"]).optional(),
});

const spec = fields({
  selector: selector.optional(),
  filters: z.array(filter).min(1, "expected at least one filter").max(32),
});

/** Heddle's own ProxyFilter: which filters, by name, the proxies of the selected workloads run, in order. */
export const ProxyFilterSchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): ProxyFilterDocument => ({
    kind: "ProxyFilter",
    namespace,
    name,
    selector: readSelector(spec.selector),
    filters: spec.filters.map(({ name, direction, settings, onFailure, budget, isolation }) => ({
      name,
      direction,
      settings: settings ?? {},
      onFailure,
      budgetMs: budget ?? DEFAULT_BUDGET_MS,
      ...(isolation && { isolation }),
    })),
  }),
);
