import { z } from "zod";

/** PostgreSQL takes no longer ones. */
const MAX_NOTICE_BYTES = 7_900;
/** So many ids fit into one notice. */
const IDS_PER_NOTICE = 150;

/**
 * What control planes over one database tell each other at once. A notice is a hint where to look, never the
 * thing itself: what was missed is found by looking around each second.
 */
const Notice = z.discriminatedUnion("type", [
  /** This revision has been committed. */
  z.object({ type: z.literal("revision"), from: z.string(), revision: z.number().int() }),
  /** What the database says of these proxies with their instances, and of these without proxy, is new. */
  z.object({
    type: z.literal("registry"),
    from: z.string(),
    proxyIds: z.array(z.string()),
    instanceIds: z.array(z.string()),
  }),
  /** How far a revision has got at the sender's own proxies. */
  z.object({
    type: z.literal("delivery"),
    from: z.string(),
    revision: z.number().int(),
    /** All have answered, or the wait is over; before that it says that it has begun. */
    isFinal: z.boolean(),
    total: z.number().int(),
    acked: z.number().int(),
    nacks: z.array(z.object({ proxyId: z.string(), reason: z.string() })),
    lastSendsMs: z.record(z.string(), z.number()),
  }),
  /** Somebody has a page open, or has left it. */
  z.object({
    type: z.literal("presence"),
    from: z.string(),
    subject: z.string(),
    name: z.string(),
    page: z.string(),
    isLeft: z.boolean(),
  }),
  /** Guarded flips, authorities and certificates, what sources of the registry say, taps, or pushes have changed: look anew. */
  z.object({ type: z.enum(["guards", "identity", "sources", "taps", "pushes"]), from: z.string() }),
]);
export type Notice = z.infer<typeof Notice>;

/** `undefined`: not a notice this version understands; a newer neighbour may send such. */
export function parseNotice(payload: string): Notice | undefined {
  try {
    return Notice.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined; // not JSON
  }
}

/** `undefined`: too long to be sent. */
export function formatNotice(notice: Notice): string | undefined {
  const text = JSON.stringify(notice);
  return Buffer.byteLength(text) > MAX_NOTICE_BYTES ? undefined : text;
}

/** Of any number of proxies and instances whose rows are new: as many notices as that takes. */
export function registryNotices({
  proxyIds,
  instanceIds,
}: {
  readonly proxyIds: readonly string[];
  readonly instanceIds: readonly string[];
}): Omit<Extract<Notice, { type: "registry" }>, "from">[] {
  const ofProxies = chunksOf(proxyIds).map((ids) => ({ proxyIds: ids, instanceIds: [] }));
  const ofInstances = chunksOf(instanceIds).map((ids) => ({ proxyIds: [], instanceIds: ids }));
  return [...ofProxies, ...ofInstances].map((ids) => ({ type: "registry" as const, ...ids }));
}

function chunksOf(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / IDS_PER_NOTICE) }, (_, at) =>
    ids.slice(at * IDS_PER_NOTICE, (at + 1) * IDS_PER_NOTICE),
  );
}
