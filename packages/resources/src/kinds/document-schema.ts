import { z } from "zod";
import { metadata } from "./fields.ts";

/**
 * A document with its spec; what a cluster writes beside it (`status`) is passed over. Give an optional
 * spec where Istio lets it out.
 */
export function documentOf<Spec extends z.ZodType>(spec: Spec) {
  return z.strictObject(
    {
      apiVersion: z.string(),
      kind: z.string(),
      metadata,
      spec,
      status: z.unknown().optional(),
    },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? "unknown field; allowed here: apiVersion, kind, metadata, spec"
          : undefined,
    },
  );
}
