import { z } from "zod";

/**
 * Who looks at the same thing. A page says that it is open when it opens, each 20 s, and when it is left; who has not said
 * so for 45 s is gone. Nothing of it is stored. Times are epoch ms.
 */

/** `POST /presence`. The event `presence` tells pages of the same subject that somebody came or went. */
export const PresenceRequest = z.object({
  /** What is looked at: `VirtualService/shop/reviews`. */
  subject: z
    .string()
    .regex(/^[\w.-]+(\/[\w.*-]+){1,3}$/, "must be like Kind/namespace/name")
    .max(400),
  /** One open page, so that a second one of the same person may be left by itself. */
  page: z.uuid(),
  isLeft: z.boolean().optional(),
});
export const PresenceResponse = z.object({
  /** Other people who have it open, the longest first, at most 20. */
  others: z.array(z.object({ name: z.string(), sinceMs: z.number() })),
});

export type PresenceRequest = z.infer<typeof PresenceRequest>;
export type PresenceResponse = z.infer<typeof PresenceResponse>;
