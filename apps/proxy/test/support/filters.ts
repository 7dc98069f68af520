import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { WorkloadResource } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { compileWorkloadPolicy, replacePolicy } from "../../src/core/workload-policy.ts";
import type { FilterSetting } from "../../src/filters/active-filter.ts";
import { FilterLibrary } from "../../src/filters/filter-library.ts";
import type { TestWorkload } from "../data-path-kit.ts";

export const silent = createLogger("proxy", "silent");

/** A folder outside the repository with these files. */
export function filterFolder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "heddle-filters-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

export async function libraryOf(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<FilterLibrary> {
  const library = new FilterLibrary(filterFolder(t, files), silent);
  await library.load();
  t.after(() => library.close());
  return library;
}

/** The text of a filter's file; `hooks` are its members, `settings` an expression of zod's `z`. */
export function filterText(name: string, hooks: string, settings = "z.object({})"): string {
  return [
    `import { defineFilter } from "@heddle/filter-api";`,
    `import { z } from "zod";`,
    `export default defineFilter({ name: "${name}", settings: ${settings}, ${hooks} });`,
  ].join("\n");
}

export function filterSetting(name: string, rest: Partial<FilterSetting> = {}): FilterSetting {
  const defaults = { direction: "inbound", settings: {}, onFailure: "fail", budgetMs: 50 } as const;
  return { name, ...defaults, ...rest };
}

/** Lets filters run for a hosted workload, as a push does; they end with the test. */
export function runFilters(
  t: TestContext,
  workload: TestWorkload,
  library: FilterLibrary,
  settings: readonly FilterSetting[],
): void {
  const resource: WorkloadResource = {
    kind: "workload",
    key: `workload/${workload.id.namespace}/${workload.id.name}`,
    version: "1",
    workload: { ...workload.id },
    mtlsMode: workload.mtlsMode,
    filters: [...settings],
    revision: 7,
  };
  const policy = compileWorkloadPolicy(resource, workload.policy, {
    library,
    own: [],
    isLenient: false,
  });
  replacePolicy(workload.policy, policy);
  Object.assign(workload, { resource, policy });
  t.after(() => {
    for (const filter of policy.filters.all) filter.close();
  });
}
