/**
 * What the control plane bears: simulated proxies on real streams, and real proxies that roll back. Run:
 * `npm run bench -- control [--proxies 1000] [--real 100] [--rounds 15] [--previews 15] [--replicas 100]`; 0 leaves a part out.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmbeddedPostgres } from "@heddle/store";
import { findFreePorts, startMesh } from "@heddle/testkit";
import { measurePreviews } from "./preview.ts";
import { measureReplicas } from "./replicas.ts";
import { type ControlRow, writeResults } from "./results.ts";
import { measureRollback } from "./rollback.ts";
import { RunScope } from "./run-scope.ts";
import { measureSimulated } from "./simulated.ts";

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    proxies: { type: "string", default: "1000" },
    real: { type: "string", default: "100" },
    rounds: { type: "string", default: "15" },
    previews: { type: "string", default: "15" },
    replicas: { type: "string", default: "100" },
  },
});
const proxies = count("proxies", values.proxies);
const real = count("real", values.real);
const rounds = count("rounds", values.rounds);
const previews = count("previews", values.previews);
const replicas = count("replicas", values.replicas);
const loadAverageBefore = Number((loadavg()[0] ?? 0).toFixed(2));

const rows: ControlRow[] = [
  ...(proxies === 0
    ? []
    : await withMesh((scope, mesh) => measureSimulated(scope, mesh, proxies, rounds))),
  ...(real === 0
    ? []
    : await withMesh((scope, mesh) => measureRollback(scope, mesh, real, rounds))),
  ...(previews === 0 ? [] : await withMesh((_, mesh) => measurePreviews(mesh, previews))),
  ...(replicas === 0
    ? []
    : await withMesh((scope, mesh) => measureReplicas(scope, mesh, replicas, rounds))),
];
writeResults({
  measuredAt: new Date().toISOString(),
  machine: {
    cores: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? "unknown",
    node: process.version,
    loadAverageBefore,
  },
  cases: rows,
});
for (const { name, metric, subjectValue, worst, target } of rows) {
  const bound = target === undefined ? "" : `, target ${target}`;
  process.stdout.write(`${name}: ${metric}: ${subjectValue} (worst ${worst ?? "-"}${bound})\n`);
}

/** One control plane over a PostgreSQL of its own, as `heddle up` starts both: with every write synced. */
async function withMesh<Result>(
  measure: (scope: RunScope, mesh: Awaited<ReturnType<typeof startMesh>>) => Promise<Result>,
): Promise<Result> {
  const scope = new RunScope();
  try {
    const dir = mkdtempSync(join(tmpdir(), "heddle-bench-control-"));
    chmodSync(dir, 0o711); // under root the server is another user, who must get in
    scope.after(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }));
    const [port = 0] = await findFreePorts(1);
    const database = await startEmbeddedPostgres({
      dataDir: join(dir, "data"),
      port,
      password: randomBytes(16).toString("hex"),
      logFile: join(dir, "log"),
    });
    scope.after(() => database.stop());
    return await measure(scope, await startMesh(scope, { databaseUrl: database.url }));
  } finally {
    await scope.end();
  }
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text)) return value;
  throw new Error(`--${name} ${text}: expected a whole number, 0 to 99999`);
}
