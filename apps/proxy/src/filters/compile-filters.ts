import {
  ActiveFilter,
  type FilterSetting,
  NO_FILTERS,
  type WorkloadFilters,
} from "./active-filter.ts";
import type { FilterFile, FilterLibrary } from "./filter-library.ts";
import { readFilterSettings } from "./filter-settings.ts";

/** A filter cannot be run as it is asked for; the message names it and the field. */
export class InvalidFilterError extends Error {
  override readonly name = "InvalidFilterError";
  readonly code = "HEDDLE_INVALID_FILTER";
}

/**
 * Makes a workload's filters ready. Those of `previous` that stay as they are go on as they are. Throws
 * `InvalidFilterError`; `isLenient` (the configuration from disk, which must not be lost to a file that
 * is gone): what cannot run then fails each request as its `onFailure` says.
 */
export function compileFilters(
  settings: readonly FilterSetting[],
  workload: string,
  library: FilterLibrary,
  previous: WorkloadFilters,
  isLenient: boolean,
): WorkloadFilters {
  if (settings.length === 0) return NO_FILTERS;
  const kept = new Set(previous.all);
  const all = settings.map((setting, index) => {
    const file = library.find(setting.name);
    for (const known of kept) {
      if (!known.isStill(setting, file)) continue;
      kept.delete(known);
      return known;
    }
    const found = findFilter(setting, library);
    if (!("problem" in found) || isLenient) return new ActiveFilter(setting, workload, found);
    const which = `workload ${workload}: filters[${index}] "${setting.name}"`;
    throw new InvalidFilterError(`${which}: ${found.problem}`);
  });
  const of = (direction: FilterSetting["direction"]) => {
    const filters = all.filter(({ setting }) => setting.direction === direction);
    return filters.length === 0 ? undefined : { filters };
  };
  return { all, inbound: of("inbound"), outbound: of("outbound") };
}

function findFilter(
  { name, settings, isolation }: FilterSetting,
  library: FilterLibrary,
): { readonly file: FilterFile; readonly settings: unknown } | { readonly problem: string } {
  const file = library.find(name);
  if (file === undefined) return { problem: whyMissing(name, library) };
  if (isolation === "worker" && file.definition.onResponseHead !== undefined) {
    return {
      problem:
        "isolation: worker is for filters without onResponseHead, since an answer under way does not wait",
    };
  }
  try {
    return { file, settings: readFilterSettings(file.definition, settings) };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function whyMissing(name: string, { folder, names, faults }: FilterLibrary): string {
  if (folder === undefined) return "this proxy has no filters: HEDDLE_FILTERS_DIR is not set";
  const fault = faults.get(name);
  if (fault !== undefined) return `its file cannot be used: ${fault}`;
  const there = names.length === 0 ? "it holds none" : `it holds ${names.join(", ")}`;
  return `there is no such filter in the proxy's folder; ${there}`;
}
