import { edgeId } from "@heddle/mesh";
import { loadEdges, type TelemetryDb } from "@heddle/store";
import type { EdgeRecord, TrafficMemory } from "../ingest/traffic-memory.ts";

/** An edge from memory or from the database. */
export type KnownEdge = Pick<
  EdgeRecord,
  "id" | "source" | "destination" | "sourcePrincipal" | "lastRequestMs" | "storedId"
>;

/** The edges in memory, and those the database has seen a request on since `sinceMs`; each once. */
export async function knownEdges(
  memory: TrafficMemory,
  db: TelemetryDb,
  sinceMs: number,
): Promise<KnownEdge[]> {
  const edges = new Map<string, KnownEdge>();
  for (const { id: storedId, ...edge } of await loadEdges(db, sinceMs)) {
    const id = edgeId(edge.source.id, edge.destination.id);
    edges.set(id, { ...edge, id, storedId });
  }
  for (const edge of memory.edges()) edges.set(edge.id, edge);
  return [...edges.values()];
}
