import type { AuditFilter } from "./settings-queries.ts";

/** The command that lists the same acts. */
export function auditCommand(filter: AuditFilter): string {
  const flags = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined ? [] : `--${name} ${quote(value)}`,
  );
  return ["heddle audit", ...flags].join(" ");
}

function quote(text: string): string {
  return /^[\w.@/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
