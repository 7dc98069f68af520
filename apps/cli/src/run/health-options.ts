import { UsageError } from "../errors.ts";

/** How `heddle run` was told to check the app. */
export type HealthOptions = {
  readonly healthHttp?: string;
  /** `true`: the whole server. */
  readonly healthGrpc?: string | true;
  readonly healthTcp?: boolean;
  readonly healthCmd?: string;
  readonly healthInterval?: number;
  readonly healthTimeout?: number;
  readonly healthyThreshold?: number;
  readonly unhealthyThreshold?: number;
};

/** `healthCheck` of a proxy's configuration file (docs/architecture.md). */
export type HealthCheck = {
  readonly http?: { readonly path: string };
  readonly grpc?: { readonly serviceName: string };
  readonly tcp?: Readonly<Record<string, never>>;
  readonly command?: { readonly argv: readonly string[] };
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly healthyThreshold?: number;
  readonly unhealthyThreshold?: number;
};

const MIN_INTERVAL_MS = 100;

/** `undefined`: none was asked for. Throws `UsageError` when more than one was, or what belongs to one without it. */
export function healthCheckOf(
  options: HealthOptions & { readonly port?: readonly unknown[] },
): HealthCheck | undefined {
  const { healthHttp, healthGrpc, healthTcp, healthCmd } = options;
  const kinds: HealthCheck[] = [
    ...(healthHttp === undefined ? [] : [{ http: { path: healthHttp } }]),
    ...(healthGrpc === undefined ? [] : [{ grpc: { serviceName: serviceName(healthGrpc) } }]),
    ...(healthTcp === true ? [{ tcp: {} }] : []),
    // a line for the shell, as the user would type it
    ...(healthCmd === undefined ? [] : [{ command: { argv: ["/bin/sh", "-c", healthCmd] } }]),
  ];
  const limits = limitsOf(options);
  const [check] = kinds;
  if (kinds.length > 1) throw new UsageError(`${FLAGS}: give one of them, not ${kinds.length}`);
  if (check === undefined) {
    if (Object.keys(limits).length === 0) return undefined;
    throw new UsageError(`the health check has limits but no kind: give one of ${FLAGS}`);
  }
  if (healthHttp !== undefined && !healthHttp.startsWith("/")) {
    throw new UsageError(`--health-http "${healthHttp}": expected a path that begins with /`);
  }
  if (check.command === undefined && options.port === undefined) {
    throw new UsageError("the health check needs to know where the app listens: give --port");
  }
  if (limits.intervalMs !== undefined && limits.intervalMs < MIN_INTERVAL_MS) {
    throw new UsageError(`--health-interval: expected at least ${MIN_INTERVAL_MS} ms`);
  }
  return { ...check, ...limits };
}

const FLAGS = "--health-http, --health-grpc, --health-tcp, --health-cmd";

function serviceName(given: string | true): string {
  return given === true ? "" : given;
}

function limitsOf(options: HealthOptions): HealthCheck {
  const { healthInterval, healthTimeout, healthyThreshold, unhealthyThreshold } = options;
  return {
    ...(healthInterval === undefined ? {} : { intervalMs: healthInterval }),
    ...(healthTimeout === undefined ? {} : { timeoutMs: healthTimeout }),
    ...(healthyThreshold === undefined ? {} : { healthyThreshold }),
    ...(unhealthyThreshold === undefined ? {} : { unhealthyThreshold }),
  };
}
