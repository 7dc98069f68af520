import { z } from "zod";

/** `{ namespace, name }` of a service or workload. */
export const NameWire = z.object({ namespace: z.string().min(1), name: z.string().min(1) });
