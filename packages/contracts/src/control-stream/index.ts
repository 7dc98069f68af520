// The door for proxies: what crosses the control stream and no more. By the package's own door a sidecar would
// hold the schemas of the console and of the collector as well, 3 MiB that it never uses (decision 149).
export * from "./messages.ts";
export { WORKLOAD_LABEL } from "./names.ts";
export * from "./resources.ts";
export { PortProtocolWire } from "./route-wire.ts";
export { TapFilter, TapOrder } from "./tap-wire.ts";
export { FilterWire, type TelemetryWire } from "./workload-policy-wire.ts";
