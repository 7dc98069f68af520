import { z } from "zod";

/** `GET /replicas`: the control planes over one database. Times are epoch ms. */

export const ReplicaState = z.object({
  id: z.string(), // of one run of the process: it has another after a restart
  name: z.string(), // its host's
  version: z.string(),
  /** What its version means beside that of the one that answers; absent: equal, but for the patch. */
  versionSkew: z.string().optional(),
  controlAddress: z.string(), // host:port by which proxies reach it
  startedAtMs: z.number(),
  seenAtMs: z.number(), // when it last said that it lives; each second
  /** Heard of within the last 5 s. One that is not has crashed or cannot reach the database. */
  isAlive: z.boolean(),
  /** The one that answers this request. */
  isAnswering: z.boolean(),
  proxiesConnected: z.number().int(),
  /** The newest revision it has taken over and pushed to its proxies. */
  revision: z.number().int(),
  /** Tasks of the whole mesh that it carries out at present: each is one control plane's at a time. */
  duties: z.array(z.string()),
});
/** Those that live, and those that have not been heard of for less than an hour. */
export const ReplicasResponse = z.object({ replicas: z.array(ReplicaState) });

export type ReplicaState = z.infer<typeof ReplicaState>;
export type ReplicasResponse = z.infer<typeof ReplicasResponse>;
