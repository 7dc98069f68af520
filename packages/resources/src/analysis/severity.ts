/** `error`: something breaks or has no effect; `warning`: probably not what was meant; `info`: worth knowing. */
export type Severity = "error" | "warning" | "info";

/** The order in which findings are read: what breaks comes first. */
export const SEVERITIES: readonly Severity[] = ["error", "warning", "info"];
