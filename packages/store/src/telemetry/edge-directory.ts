import type { TrafficNode } from "@heddle/mesh";
import type { TelemetryDb } from "./telemetry-db.ts";

/** An edge as the database knows it. */
export type StoredEdge = {
  readonly id: number;
  readonly source: TrafficNode;
  readonly destination: TrafficNode;
  readonly isSourceReported: boolean;
  readonly sourcePrincipal: string | undefined;
  readonly lastRequestMs: number;
};

/** Starts a collector run and returns its id. */
export async function registerCollector(db: TelemetryDb): Promise<number> {
  return db.withClient(async (client) => {
    const { rows } = await client.query<{ id: number }>(
      "INSERT INTO telemetry.collector DEFAULT VALUES RETURNING id",
    );
    const row = rows[0];
    if (row === undefined) throw new Error("INSERT … RETURNING gave no row");
    return row.id;
  });
}

/** The run has written all it had just now: what is not in the database did not happen. */
export async function noteCollectorAlive(db: TelemetryDb, collectorId: number): Promise<void> {
  await db.withClient((client) =>
    client.query("UPDATE telemetry.collector SET alive_at = now() WHERE id = $1", [collectorId]),
  );
}

/** Makes the edges known, or newer, and returns their ids in the same order. */
export async function saveEdges(
  db: TelemetryDb,
  edges: readonly Omit<StoredEdge, "id">[],
): Promise<number[]> {
  if (edges.length === 0) return [];
  const nodes = new Map(
    edges.flatMap(({ source, destination }) => [
      [source.id, source],
      [destination.id, destination],
    ]),
  );
  const sorted = [...nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)); // one order, no deadlock
  const order = edges.map((_, i) => i).sort((a, b) => (keyOf(edges[a]) < keyOf(edges[b]) ? -1 : 1));
  const column = <T>(pick: (edge: Omit<StoredEdge, "id">) => T) =>
    order.map((i) => pick(edges[i] as Omit<StoredEdge, "id">));
  return db.withTransaction(async (client) => {
    await client.query(SAVE_NODES, [
      sorted.map((node) => node.id),
      sorted.map((node) => node.kind),
      sorted.map((node) => node.namespace),
      sorted.map((node) => node.service ?? null),
      sorted.map((node) => node.workload ?? null),
      sorted.map((node) => node.version ?? null),
      sorted.map((node) => node.address ?? null),
    ]);
    const { rows } = await client.query<{ id: number; source_id: string; destination_id: string }>(
      SAVE_EDGES,
      [
        column((edge) => edge.source.id),
        column((edge) => edge.destination.id),
        column((edge) => edge.isSourceReported),
        column((edge) => edge.sourcePrincipal ?? null),
        column((edge) => new Date(edge.lastRequestMs)),
      ],
    );
    const ids = new Map(rows.map((row) => [`${row.source_id}->${row.destination_id}`, row.id]));
    return edges.map((edge) => {
      const id = ids.get(keyOf(edge));
      if (id === undefined) throw new Error(`the database returned no id for ${keyOf(edge)}`);
      return id;
    });
  });
}

/** Edges with a request since `sinceMs`. */
export async function loadEdges(db: TelemetryDb, sinceMs: number): Promise<StoredEdge[]> {
  return db.withClient(async (client) => {
    const { rows } = await client.query<EdgeRow>(LOAD_EDGES, [new Date(sinceMs)]);
    return rows.map((row) => ({
      id: row.id,
      source: toNode(row.source),
      destination: toNode(row.destination),
      isSourceReported: row.source_reported,
      sourcePrincipal: row.source_principal ?? undefined,
      lastRequestMs: row.last_request_at.getTime(),
    }));
  });
}

type NodeRow = {
  readonly id: string;
  readonly kind: TrafficNode["kind"];
  readonly namespace: string;
  readonly service: string | null;
  readonly workload: string | null;
  readonly version: string | null;
  readonly address: string | null;
};
type EdgeRow = {
  readonly id: number;
  readonly source: NodeRow;
  readonly destination: NodeRow;
  readonly source_reported: boolean;
  readonly source_principal: string | null;
  readonly last_request_at: Date;
};

const SAVE_NODES = `INSERT INTO telemetry.node (id, kind, namespace, service, workload, version, address)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
  ON CONFLICT (id) DO UPDATE SET service = excluded.service, version = excluded.version
  WHERE (node.service, node.version) IS DISTINCT FROM (excluded.service, excluded.version)`;

const SAVE_EDGES = `INSERT INTO telemetry.edge
  (source_id, destination_id, source_reported, source_principal, last_request_at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::timestamptz[])
  ON CONFLICT (source_id, destination_id) DO UPDATE SET
    source_reported = edge.source_reported OR excluded.source_reported,
    source_principal = coalesce(excluded.source_principal, edge.source_principal),
    last_request_at = greatest(edge.last_request_at, excluded.last_request_at)
  RETURNING id, source_id, destination_id`;

const LOAD_EDGES = `SELECT edge.id, row_to_json(source) AS source, row_to_json(destination) AS destination,
    source_reported, source_principal, last_request_at
  FROM telemetry.edge
  JOIN telemetry.node source ON source.id = source_id
  JOIN telemetry.node destination ON destination.id = destination_id
  WHERE last_request_at >= $1`;

function keyOf(edge: Omit<StoredEdge, "id"> | undefined): string {
  return edge === undefined ? "" : `${edge.source.id}->${edge.destination.id}`;
}

function toNode(row: NodeRow): TrafficNode {
  return {
    id: row.id,
    kind: row.kind,
    namespace: row.namespace,
    service: row.service ?? undefined,
    workload: row.workload ?? undefined,
    version: row.version ?? undefined,
    address: row.address ?? undefined,
  };
}
