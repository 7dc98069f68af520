import { FilterWire, WorkloadRegistration } from "@heddle/contracts/control-stream";
import { z } from "zod";
import { HealthCheckSettings } from "./health/health-settings.ts";

/** A DNS-1123 label: names become parts of host names and SPIFFE ids. */
const Label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "expected lower-case letters, digits and hyphens");
/** A version is a label's value and may hold dots (v1.9); the workload named after it may not (gateway-v1-9). */
const Version = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "expected letters, digits, dots, hyphens and underscores, at most 63",
  );
const OptionalPort = z.int().min(0).max(65_535).default(0);
/** Istio's port names follow the same rule. */
const PortName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "expected lower-case letters, digits and hyphens");

/** As Istio writes it: `region/zone/subzone`, the parts from the left. */
const Locality = z
  .string()
  .regex(
    /^[A-Za-z0-9._-]{1,63}(\/[A-Za-z0-9._-]{1,63}){0,2}$/,
    "expected region, region/zone or region/zone/subzone",
  );

const Protocol = WorkloadRegistration.shape.protocol;

/** A port of the app, and the inbound port behind which callers find it. */
const PortEntry = z.strictObject({
  port: z.int().min(1).max(65_535),
  protocol: Protocol.default("auto"),
  name: PortName.optional(),
  inboundPort: OptionalPort,
});
const MAX_PORTS = 16;
const MAX_FILTERS = 32;
/** As a ProxyFilter document says it. */
const FilterEntry = z.strictObject({
  name: Label,
  direction: FilterWire.shape.direction.default("inbound"),
  settings: z.unknown().default({}),
  onFailure: FilterWire.shape.onFailure.default("fail"),
  budgetMs: z.number().min(1).max(10_000).default(50),
  isolation: FilterWire.shape.isolation,
});

const WorkloadEntry = z
  .strictObject({
    namespace: Label,
    service: Label,
    version: Version.optional(),
    workload: Label.optional(),
    labels: z.record(z.string(), z.string()).default({}),
    address: z.string().min(1).optional(),
    locality: Locality.optional(),
    appPort: z.int().min(1).max(65_535).optional(),
    protocol: Protocol.optional(),
    inboundPort: OptionalPort,
    ports: z.array(PortEntry).min(1).max(MAX_PORTS).optional(),
    outboundPort: OptionalPort,
    outbounds: z
      .array(z.strictObject({ host: z.string().min(1), localPort: OptionalPort }))
      .max(1000)
      .default([]),
    filters: z.array(FilterEntry).max(MAX_FILTERS).default([]),
    healthCheck: HealthCheckSettings.optional(),
  })
  .superRefine((entry, context) => {
    const refuse = (path: (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    if (entry.protocol !== undefined && entry.appPort === undefined) {
      refuse(["protocol"], "belongs to appPort, which is not set; under ports each has its own");
    }
    const check = entry.healthCheck;
    const hasPort = entry.appPort !== undefined || entry.ports !== undefined;
    if (check && check.command === undefined && check.port === undefined && !hasPort) {
      refuse(["healthCheck", "port"], "needed, since the workload has no port of its own");
    }
    if (entry.ports === undefined) return;
    if (entry.appPort !== undefined) refuse(["ports"], "either appPort or ports, not both");
    if (entry.inboundPort !== 0) {
      refuse(["inboundPort"], "belongs to appPort; under ports each has its own");
    }
    const seen = new Set<number>();
    for (const [index, { port }] of entry.ports.entries()) {
      if (seen.has(port)) refuse(["ports", index, "port"], "stands in the list twice");
      seen.add(port);
    }
  })
  .transform(({ appPort, protocol, inboundPort, ports, ...entry }) => ({
    ...entry,
    /** The app's ports, the first one first; none: the workload only calls others. */
    ports:
      ports ??
      (appPort === undefined ? [] : [{ port: appPort, protocol: protocol ?? "auto", inboundPort }]),
    workload: entry.workload ?? defaultWorkload(entry.service, entry.version),
    labels: {
      ...entry.labels,
      app: entry.service,
      ...(entry.version === undefined ? {} : { version: entry.version }),
    } as Readonly<Record<string, string>>,
  }));

function defaultWorkload(service: string, version: string | undefined): string {
  if (version === undefined) return service;
  return `${service}-${version.toLowerCase().replaceAll(/[._]/g, "-")}`;
}

/** The proxy configuration file of docs/architecture.md, defaults filled in; port 0: find one. */
export const ConfigFile = z
  .strictObject({
    name: z.string().min(1).max(253),
    workloads: z.array(WorkloadEntry).min(1).max(1000),
    adminPort: OptionalPort,
  })
  .superRefine((file, context) => {
    const seen = new Set<string>();
    for (const [index, { namespace, workload }] of file.workloads.entries()) {
      const id = `${namespace}/${workload}`;
      if (seen.has(id)) {
        const path = ["workloads", index, "workload"];
        context.addIssue({ code: "custom", path, message: `${id} stands in the file twice` });
      }
      seen.add(id);
    }
  });
export type ConfigFile = z.infer<typeof ConfigFile>;
export type WorkloadSettings = ConfigFile["workloads"][number];

/** One line a fault: where, what, and what stands there. */
export function describeIssues(error: z.ZodError, given: unknown): string[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join(".");
    const value = issue.path.reduce<unknown>(
      (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
      given,
    );
    const shown = value === undefined ? "not set" : JSON.stringify(value).slice(0, 100);
    return `${path || "(the file)"}: ${issue.message} (is ${shown})`;
  });
}
