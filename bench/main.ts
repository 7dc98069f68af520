// npm run bench -- <subject>: measures one part of Heddle on this machine, side by side with what it is
// compared to. Figures are ratios within one run; absolute times differ from machine to machine.

const SUBJECTS: Readonly<Record<string, () => Promise<unknown>>> = {
  proxy: () => import("./proxy/run.ts"),
  control: () => import("./control/run.ts"),
  table: () => import("./table.ts"),
  http1: () => import("./http1.ts"),
  telemetry: () => import("./telemetry.ts"),
  routing: () => import("./routing.ts"),
  balancing: () => import("./balancing.ts"),
  filters: () => import("./filters.ts"),
  tokens: () => import("./tokens.ts"),
  ingest: () => import("./ingest.ts"),
};

const [subject = "proxy"] = process.argv.slice(2);
const measure = SUBJECTS[subject];
if (measure === undefined) {
  process.stderr.write(
    `no benchmark named "${subject}"; there are ${Object.keys(SUBJECTS).join(", ")}\n`,
  );
  process.exit(2);
}
await measure();
