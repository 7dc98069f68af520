import { requireDescribed } from "@heddle/runtime";
import type { Context } from "hono";
import { z } from "zod";
import { ApiError } from "./problem.ts";

const WINDOW = "expected milliseconds, 10000 (10 s) to 3600000 (1 h)";
const CALLERS_WINDOW = "expected milliseconds, 30000 (30 s) to 604800000 (7 d)";
const EPOCH = "expected milliseconds since 1970";
const STEP = "expected milliseconds, 1000 (1 s) to 86400000 (24 h)";
const LIMIT = "expected a number from 1 to 500";

const millis = (message: string, min: number, max: number) =>
  z.coerce.number(message).int(message).min(min, message).max(max, message);

export const GraphQuery = z.object({
  windowMs: millis(WINDOW, 10_000, 3_600_000).default(30_000),
  view: z.enum(["workload", "service"], "expected workload or service").default("workload"),
  namespace: z.string().optional(),
  /** As the mesh stood then, from the traffic before it; absent: now. */
  atMs: millis(EPOCH, 0, 8.64e15).optional(),
});

/** The stream is of the whole mesh, as it is now. */
export const StreamQuery = GraphQuery.omit({ namespace: true, atMs: true });

export const TRACE_ID = /^[0-9a-f]{32}$/i;
export const TapPath = z.object({ id: z.string().max(64) });
export const TracePath = z.object({ traceId: z.string().regex(TRACE_ID) });

/** `fromMs`, `toMs` half-open; defaults: the last 15 min. */
export const SeriesQuery = z.object({
  fromMs: millis(EPOCH, 0, 8.64e15).optional(),
  toMs: millis(EPOCH, 0, 8.64e15).optional(),
  stepMs: millis(STEP, 1000, 86_400_000).optional(),
});

export const RequestsQuery = z.object({
  limit: z.coerce.number(LIMIT).int(LIMIT).min(1, LIMIT).max(500, LIMIT).default(20),
});

export const CallersQuery = z.object({
  namespace: z.string().optional(),
  workload: z.string().optional(),
  windowMs: millis(CALLERS_WINDOW, 30_000, 604_800_000).default(3_600_000),
});

export const DenialsQuery = CallersQuery.extend({
  limit: z.coerce.number(LIMIT).int(LIMIT).min(1, LIMIT).max(500, LIMIT).default(100),
});

/**
 * The query in the shape of `schema`, the route's own. Throws `ApiError` 400 that names each wrong parameter, its
 * value and what is allowed.
 */
export function readQuery<Shape extends z.ZodRawShape>(
  context: Context,
  schema: z.ZodObject<Shape>,
): z.infer<z.ZodObject<Shape>> {
  requireDescribed(context, "query", schema);
  const query = context.req.query();
  const parsed = schema.strict().safeParse(query);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const allowed = Object.keys(schema.shape).join(", ");
      return issue.keys.map((field) => ({ field, message: `unknown; allowed are ${allowed}` }));
    }
    const field = String(issue.path[0] ?? "");
    return [{ field, message: `${issue.message} (is "${query[field] ?? ""}")` }];
  });
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join("; ");
  throw new ApiError("HEDDLE_INVALID_QUERY", detail, errors);
}
