import type { Prisma } from "../generated/client.ts";
import { ask, type ConfigDb } from "./config-db.ts";

/** A revision whose effect may still be judged. */
export type UnjudgedRevision = {
  readonly revision: number;
  readonly createdAtMs: number;
  readonly services: readonly string[]; // namespace/name
  readonly resources: readonly { readonly kind: string; readonly namespace: string }[];
  /** As `recordPropagation` stored it; `undefined`: not measured (yet). */
  readonly propagation: unknown;
  /** When it was last judged; `undefined`: never. */
  readonly judgedAtMs: number | undefined;
};

/** An effect as it is kept. `summary` is what lists show, `detail` all of it. */
export type StoredEffect = {
  readonly revision: number;
  readonly verdict: string;
  readonly isFinal: boolean;
  readonly judgedAtMs: number;
  readonly summary: object;
  readonly detail: object;
};

/** Revisions made since `sinceMs` whose effect is not final, newest first. */
export async function findUnjudgedRevisions(
  db: ConfigDb,
  { sinceMs, limit }: { readonly sinceMs: number; readonly limit: number },
): Promise<UnjudgedRevision[]> {
  const rows = await ask(db, (prisma) =>
    prisma.revision.findMany({
      where: {
        createdAt: { gte: new Date(sinceMs) },
        OR: [{ effect: null }, { effect: { isFinal: false } }],
      },
      include: {
        changes: { select: { kind: true, namespace: true } },
        effect: { select: { judgedAt: true } },
      },
      orderBy: { id: "desc" },
      take: limit,
    }),
  );
  return rows.map((row) => ({
    revision: row.id,
    createdAtMs: row.createdAt.getTime(),
    services: row.services,
    resources: row.changes,
    propagation: row.propagation ?? undefined,
    judgedAtMs: row.effect?.judgedAt.getTime(),
  }));
}

/** A revision next to another in the line of those that touch the same services. */
export type NeighbourRevision = { readonly revision: number; readonly createdAtMs: number };

/**
 * The revisions before and after one that touch any of its services. One without services touches the whole
 * mesh, so it is everybody's neighbour.
 */
export async function findNeighbours(
  db: ConfigDb,
  { revision, services }: { readonly revision: number; readonly services: readonly string[] },
): Promise<{
  readonly previous: NeighbourRevision | undefined;
  readonly next: NeighbourRevision | undefined;
}> {
  const touching =
    services.length === 0
      ? {}
      : { OR: [{ services: { hasSome: [...services] } }, { services: { isEmpty: true } }] };
  const find = (id: Prisma.IntFilter, order: "asc" | "desc") =>
    ask(db, (prisma) =>
      prisma.revision.findFirst({
        where: { id, ...touching },
        orderBy: { id: order },
        select: { id: true, createdAt: true },
      }),
    );
  const [previous, next] = await Promise.all([
    find({ lt: revision }, "desc"),
    find({ gt: revision }, "asc"),
  ]);
  return { previous: toNeighbour(previous), next: toNeighbour(next) };
}

/** Keeps an effect; one that is final is never replaced, whoever judges it again. `false`: it was final already. */
export async function saveEffect(db: ConfigDb, effect: StoredEffect): Promise<boolean> {
  const written = await ask(
    db,
    (prisma) => prisma.$executeRaw`
      INSERT INTO revision_effect (revision_id, verdict, is_final, judged_at, summary, detail)
      VALUES (${effect.revision}, ${effect.verdict}, ${effect.isFinal},
        ${new Date(effect.judgedAtMs)}::timestamptz, ${JSON.stringify(effect.summary)}::jsonb,
        ${JSON.stringify(effect.detail)}::jsonb)
      ON CONFLICT (revision_id) DO UPDATE SET verdict = excluded.verdict,
        is_final = excluded.is_final, judged_at = excluded.judged_at,
        summary = excluded.summary, detail = excluded.detail
      WHERE NOT revision_effect.is_final AND revision_effect.judged_at <= excluded.judged_at`,
  );
  return written > 0;
}

/** All of an effect as `saveEffect` took it; `undefined`: it was never judged. */
export async function findEffect(db: ConfigDb, revision: number): Promise<unknown> {
  const row = await ask(db, (prisma) =>
    prisma.revisionEffect.findUnique({ where: { revisionId: revision }, select: { detail: true } }),
  );
  return row?.detail ?? undefined;
}

function toNeighbour(row: { id: number; createdAt: Date } | null): NeighbourRevision | undefined {
  return row ? { revision: row.id, createdAtMs: row.createdAt.getTime() } : undefined;
}
