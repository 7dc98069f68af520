import { z } from "zod";

const Header = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "expected a header's name");
const HeaderValue = z.string().regex(/^[\t\x20-\x7e]{0,1024}$/, "expected printable ASCII");
const Port = z.int().min(1).max(65_535);
const Status = z.int().min(100).max(599);

/** As Envoy's `http_health_check`. */
const HttpCheck = z.strictObject({
  path: z.string().regex(/^\/[\x21-\x7e]{0,2000}$/, "expected a path that begins with /"),
  method: z.enum(["GET", "HEAD"]).default("GET"),
  /** Half-open, as Envoy's `expected_statuses`. */
  expectedStatuses: z
    .array(z.strictObject({ start: Status, end: z.int().min(101).max(600) }))
    .min(1)
    .max(16)
    .default([{ start: 200, end: 201 }]),
  host: HeaderValue.optional(),
  headers: z.record(Header, HeaderValue).default({}),
});
const GrpcCheck = z.strictObject({
  /** Empty: the whole server (grpc.health.v1). */
  serviceName: z.string().max(256).default(""),
});
const TcpCheck = z.strictObject({});
const CommandCheck = z.strictObject({
  /** Program and arguments; no shell. Exit code 0 is healthy. */
  argv: z.array(z.string().max(4096)).min(1).max(64),
});

/** The active check of a workload's app, from the proxy's own configuration file alone. */
export const HealthCheckSettings = z
  .strictObject({
    http: HttpCheck.optional(),
    grpc: GrpcCheck.optional(),
    tcp: TcpCheck.optional(),
    command: CommandCheck.optional(),
    /** Default: the workload's first port. */
    port: Port.optional(),
    intervalMs: z.int().min(100).max(3_600_000).default(5_000),
    timeoutMs: z.int().min(50).max(60_000).default(2_000),
    healthyThreshold: z.int().min(1).max(100).default(2),
    unhealthyThreshold: z.int().min(1).max(100).default(3),
  })
  .superRefine((check, context) => {
    const given = KINDS.filter((kind) => check[kind] !== undefined);
    if (given.length === 1) return;
    const message = `expected exactly one of ${KINDS.join(", ")}`;
    context.addIssue({ code: "custom", path: [], message });
  });

const KINDS = ["http", "grpc", "tcp", "command"] as const;

export type HealthCheckSettings = z.infer<typeof HealthCheckSettings>;
export type HealthCheckKind = (typeof KINDS)[number];

export function kindOf(settings: HealthCheckSettings): HealthCheckKind {
  return KINDS.find((kind) => settings[kind] !== undefined) ?? "tcp";
}
