import { openTelemetryDb } from "@heddle/store";

/** Every row of every table of ours as JSON, one a line behind its table's name. */
export async function dumpDatabase(url: string): Promise<string> {
  const db = openTelemetryDb(url, { maxConnections: 1, onIdleError: () => undefined });
  try {
    return await db.withClient(async (client) => {
      const tables = await client.query<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
         WHERE schemaname IN ('public', 'telemetry') ORDER BY 1`,
      );
      const lines: string[] = [];
      for (const { name } of tables.rows) {
        const { rows } = await client.query<{ row: string }>(
          `SELECT row_to_json(each)::text AS row FROM ${name} AS each`,
        );
        for (const { row } of rows) lines.push(`${name} ${row}`);
      }
      return lines.join("\n");
    });
  } finally {
    await db.close();
  }
}
