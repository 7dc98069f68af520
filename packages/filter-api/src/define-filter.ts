import type { FilterEnd, FilterRequest, FilterResponse } from "./filter-exchange.ts";
import type { SettingsSchema } from "./settings-schema.ts";

/** A filter: what a file in the proxy's filters folder exports as its default. */
export type FilterDefinition<Settings> = {
  /** As ProxyFilter documents name it, and as its file is called: lower-case letters, digits, hyphens. */
  readonly name: string;
  readonly settings: SettingsSchema<Settings>;
  /** Before the request goes on. What it changes holds once it returns or its promise is fulfilled. */
  readonly onRequestHead?: (request: FilterRequest, settings: Settings) => void | Promise<void>;
  /** Before the answer goes on; at once, since an answer under way does not wait. */
  readonly onResponseHead?: (response: FilterResponse, settings: Settings) => void;
  /** When all is over: to count and to tell, nothing can be changed any more. */
  readonly onEnd?: (end: FilterEnd, settings: Settings) => void;
};

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Gives the hooks their types by the schema. Throws `TypeError` for a name no document could use. */
export function defineFilter<Settings>(
  definition: FilterDefinition<Settings>,
): FilterDefinition<Settings> {
  if (!NAME.test(definition.name)) {
    throw new TypeError(
      `a filter's name is lower-case letters, digits and hyphens, at most 63, not "${definition.name}"`,
    );
  }
  return definition;
}
