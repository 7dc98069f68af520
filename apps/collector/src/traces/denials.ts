import { createHash } from "node:crypto";
import type { CallerWire, Denial, DenialsResponse } from "@heddle/contracts";
import { parseId, templatePath } from "@heddle/mesh";
import { findDenials, type StoredDenial, type TelemetryDb } from "@heddle/store";

/** Kinds of request that are looked through; with more, the oldest are not told. */
const MAX_GROUPS = 5000;

/**
 * Who was not let in, by caller, rule and kind of request, newest first. Read from the spans of denied
 * requests, all of which are kept for 24 h unless a proxy had more than it could send.
 */
export async function readDenials(
  db: TelemetryDb,
  query: {
    readonly namespace?: string | undefined;
    readonly workload?: string | undefined;
    readonly windowMs: number;
    readonly limit: number;
  },
  nowMs: number,
): Promise<DenialsResponse> {
  const { namespace, workload, windowMs, limit } = query;
  const sinceMs = nowMs - windowMs;
  const stored = await findDenials(db, { sinceMs, namespace, workload, limit: MAX_GROUPS + 1 });
  const groups = Map.groupBy(stored.slice(0, MAX_GROUPS), keyOf);
  const denials = [...groups]
    .flatMap(([key, members]) => toDenial(key, members) ?? [])
    .toSorted((a, b) => b.lastSeenMs - a.lastSeenMs);
  const isTruncated = stored.length > MAX_GROUPS || denials.length > limit;
  return { windowMs, asOfMs: nowMs, denials: denials.slice(0, limit), isTruncated };
}

function keyOf(one: StoredDenial): string {
  const { source, address, destination, effect, method, path, rule, nearest, fields } = one;
  const parts = [source, address, destination, effect, method, templatePath(path), rule, nearest];
  return JSON.stringify([...parts, fields]);
}

/** `undefined`: another program's span. */
function toDenial(key: string, members: readonly StoredDenial[]): Denial | undefined {
  const [newest] = members.toSorted((a, b) => b.lastMs - a.lastMs);
  const destination = newest && parseId(newest.destination);
  if (newest === undefined || destination === undefined) return undefined;
  const rule = parseRule(newest.rule);
  const nearest = parseRule(newest.nearest);
  return {
    id: createHash("sha256").update(key).digest("base64url").slice(0, 16),
    source: callerOf(newest),
    destination: { namespace: destination.namespace, workload: destination.name },
    effect: newest.effect === "would-deny" ? "would-deny" : "denied",
    method: newest.method,
    path: templatePath(newest.path),
    ...(rule !== undefined && rule),
    ...(nearest !== undefined && { nearest }),
    fields: newest.fields?.split(",") ?? [],
    count: members.reduce((sum, { count }) => sum + count, 0),
    firstSeenMs: Math.min(...members.map(({ firstMs }) => firstMs)),
    lastSeenMs: newest.lastMs,
    lastTraceId: newest.lastTraceId,
  };
}

function callerOf({ source, address }: StoredDenial): CallerWire {
  const id = parseId(source);
  if (id !== undefined) return { namespace: id.namespace, workload: id.name };
  return address === undefined ? {} : { address };
}

/** Takes `namespace/name/rule` apart. */
function parseRule(text: string | undefined): { policy: string; rule: number } | undefined {
  const [, policy, rule] = /^([^/]+\/[^/]+)\/(\d+)$/.exec(text ?? "") ?? [];
  return policy === undefined ? undefined : { policy, rule: Number(rule) };
}
