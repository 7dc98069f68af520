import type { FilterDefinition } from "@heddle/filter-api";

/** Settings do not fit the filter's schema; the message names each field and what is wrong with it. */
export class InvalidFilterSettingsError extends Error {
  override readonly name = "InvalidFilterSettingsError";
  readonly code = "HEDDLE_INVALID_FILTER_SETTINGS";
}

/** The settings as the filter's schema gives them. Throws `InvalidFilterSettingsError`. */
export function readFilterSettings(definition: FilterDefinition<unknown>, given: unknown): unknown {
  const result = definition.settings["~standard"].validate(given);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new InvalidFilterSettingsError("settings: the filter's schema does not answer at once");
  }
  if (result.issues === undefined) return result.value;
  const faults = result.issues.map(({ path = [], message }) => {
    const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
    return `${["settings", ...keys].join(".")}: ${message}`;
  });
  throw new InvalidFilterSettingsError(faults.join("; "));
}
