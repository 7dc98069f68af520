import type { TelemetryDb } from "./telemetry-db.ts";

/** A workload with a live lease, as the graph shows it. */
export type RegisteredWorkload = {
  readonly namespace: string;
  readonly workload: string;
  readonly service: string;
  readonly version: string | undefined;
  readonly instances: number;
};

/** What the graph takes from the configuration half: who is registered, and names for addresses (YAML). */
export type RegistryView = {
  readonly workloads: readonly RegisteredWorkload[];
  readonly workloadEntries: readonly { readonly name: string; readonly yaml: string }[];
};

/** Reads both with two small queries; the control plane alone writes these tables. */
export async function loadRegistryView(db: TelemetryDb): Promise<RegistryView> {
  return db.withClient(async (client) => {
    const instances = await client.query<{
      namespace: string;
      workload: string;
      service: string;
      version: string | null;
      instances: number;
    }>(
      `SELECT namespace, workload, max(service) AS service, max(version) AS version,
         count(*)::integer AS instances
       FROM workload_instance WHERE lease_ends_at > now() OR hold IS NOT NULL
       GROUP BY namespace, workload`,
    );
    const entries = await client.query<{ name: string; yaml: string }>(
      "SELECT name, yaml FROM resource WHERE kind = 'WorkloadEntry' ORDER BY namespace, name",
    );
    return {
      workloads: instances.rows.map((row) => ({ ...row, version: row.version ?? undefined })),
      workloadEntries: entries.rows,
    };
  });
}
