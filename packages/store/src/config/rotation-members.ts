import { ask, type ConfigDb } from "./config-db.ts";

/** What a rotation waits for: that proxies believe a root (or no longer), or use what these have signed. */
export type RotationQuestion =
  | { readonly kind: "believes" | "disbelieves"; readonly rootHash: string }
  | { readonly kind: "holds"; readonly issuerIds: readonly number[] };

/** A proxy that counts for a rotation: it was heard of just now, or uses a certificate that has not ended. */
export type RotationMember = {
  readonly proxyId: string;
  readonly name: string;
  readonly lastSeenAtMs: number;
  readonly isDone: boolean;
  /** The end of its last certificate in use; `undefined`: it has said of none that it uses it. */
  readonly untilMs: number | undefined;
};

/** Heard of within this time: it is there, though it may be on another control plane's stream. */
const PRESENT_MS = 20_000;

export async function findRotationMembers(
  db: ConfigDb,
  question: RotationQuestion,
  nowMs: number,
): Promise<RotationMember[]> {
  const issuers = question.kind === "holds" ? [...question.issuerIds] : [];
  const now = new Date(nowMs);
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<
      {
        id: string;
        name: string;
        lastSeenAt: Date;
        trustedRoots: string[];
        until: Date | null;
        others: number;
      }[]
    >`
      SELECT p.id, p.name, p.last_seen_at AS "lastSeenAt", p.trusted_roots AS "trustedRoots",
        max(c.not_after) AS until,
        (count(*) FILTER (WHERE c.serial_number IS NOT NULL
          AND NOT c.issuer_id = ANY (${issuers}::int[])))::int AS others
      FROM proxy p LEFT JOIN issued_certificate c ON c.proxy_id = p.id AND c.is_held
        AND c.revoked_at IS NULL AND c.not_after > ${now}::timestamptz
      WHERE p.left_at IS NULL AND p.revoked_at IS NULL
      GROUP BY p.id
      HAVING p.last_seen_at > ${new Date(nowMs - PRESENT_MS)}::timestamptz
        OR max(c.not_after) IS NOT NULL
      ORDER BY p.last_seen_at, p.id`,
  );
  return rows.map((row) => ({
    proxyId: row.id,
    name: row.name,
    lastSeenAtMs: row.lastSeenAt.getTime(),
    untilMs: row.until?.getTime(),
    isDone:
      question.kind === "holds"
        ? row.until !== null && row.others === 0
        : row.trustedRoots.includes(question.rootHash) === (question.kind === "believes"),
  }));
}
