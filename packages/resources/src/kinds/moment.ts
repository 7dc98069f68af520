import { z } from "zod";

/** A moment in RFC 3339, as epoch ms. */
export const moment = z.string().transform((text, context) => {
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    context.addIssue('expected a moment in RFC 3339, such as "2026-11-21T23:15:00Z"');
    return z.NEVER;
  }
  return ms;
});
