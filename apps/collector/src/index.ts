export { DEFAULT_LIMITS, type RunningCollector, startCollector } from "./collector.ts";
export { type CollectorConfig, loadConfig } from "./config.ts";
