export { defineFilter, type FilterDefinition } from "./define-filter.ts";
export type {
  FilterDestination,
  FilterEnd,
  FilterExchange,
  FilterHeaders,
  FilterLogger,
  FilterPeer,
  FilterRequest,
  FilterResponse,
  OwnHeaders,
} from "./filter-exchange.ts";
export type { SettingsSchema } from "./settings-schema.ts";
