import { InvalidArgumentError } from "commander";
import { UsageError } from "../errors.ts";
import type { HealthOptions } from "./health-options.ts";

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const VERSION = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** What `heddle run` was asked for. */
export type RunOptions = {
  readonly service: string;
  readonly namespace: string;
  readonly version?: string;
  readonly workload?: string;
  /** Where the app listens, the first port first; absent: it only calls others. */
  readonly port?: readonly RunPort[];
  /** Of every port that names none itself; absent: found out at each connection. */
  readonly protocol?: Protocol;
  readonly outbound: readonly Outbound[];
} & HealthOptions;

/** What an app's port can be declared to speak. */
export const PROTOCOLS = ["http", "http2", "grpc", "tcp", "tls"] as const;
export type Protocol = (typeof PROTOCOLS)[number];
export type RunPort = { readonly port: number; readonly protocol?: Protocol };

export type Outbound = { readonly host: string; readonly localPort: number };

/** `HOST:PORT=LOCALPORT`, collected over repeated options. */
export function parseOutbound(text: string, before: readonly Outbound[]): Outbound[] {
  const [, host, localPort] = /^([^=]+:\d+)=(\d+)$/.exec(text) ?? [];
  if (host === undefined || !(Number(localPort) <= 65_535)) {
    throw new InvalidArgumentError("expected HOST:PORT=LOCALPORT, such as ratings:8080=7001");
  }
  return [...before, { host, localPort: Number(localPort) }];
}

/** `PORT` or `PORT:PROTOCOL`, collected over repeated options. */
export function parsePort(text: string, before: readonly RunPort[] = []): RunPort[] {
  const [, digits, word] = /^(\d+)(?::(.+))?$/.exec(text) ?? [];
  const port = Number(digits);
  const protocol = PROTOCOLS.find((known) => known === word);
  const isPort = digits !== undefined && port >= 1 && port <= 65_535;
  if (!isPort || protocol !== word) {
    const known = PROTOCOLS.join(", ");
    throw new InvalidArgumentError(
      `expected a port from 1 to 65535, alone or with a protocol (${known}), such as 9000:tcp`,
    );
  }
  if (before.some((other) => other.port === port)) {
    throw new InvalidArgumentError(`port ${port} is given twice`);
  }
  return [...before, { port, ...(protocol === undefined ? {} : { protocol }) }];
}

/** Throws `UsageError` for a name that the mesh would not take. */
export function checkNames(options: RunOptions): void {
  const names = {
    "--service": options.service,
    "--namespace": options.namespace,
    "--workload": options.workload,
  };
  for (const [option, name] of Object.entries(names)) {
    if (name === undefined || DNS_LABEL.test(name)) continue;
    throw new UsageError(
      `${option} "${name}": expected lower-case letters, digits and inner hyphens, at most 63`,
    );
  }
  if (options.version !== undefined && !VERSION.test(options.version)) {
    throw new UsageError(
      `--version "${options.version}": expected letters, digits and inner dots, hyphens and underscores, at most 63`,
    );
  }
  const workload = workloadOf(options);
  if (!DNS_LABEL.test(workload)) {
    throw new UsageError(
      `service and version make the workload name "${workload}", which is longer than 63; name it with --workload`,
    );
  }
}

/** The workload's name: as given, else service and version. */
export function workloadOf({ service, version, workload }: RunOptions): string {
  if (workload !== undefined || version === undefined) return workload ?? service;
  return `${service}-${version.toLowerCase().replaceAll(/[._]/g, "-")}`; // v1.9 is a version, but no DNS label
}

/** What a command under `heddle run` finds in its environment, beside its own. */
export function appEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  outboundPort: number,
  port: number | undefined,
): Record<string, string | undefined> {
  const outboundUrl = `http://127.0.0.1:${outboundPort}`;
  const direct = "localhost,127.0.0.1,::1";
  return {
    ...own,
    HEDDLE_API_TOKEN: undefined, // ours, not the app's
    HEDDLE_OUTBOUND_URL: outboundUrl,
    HTTP_PROXY: outboundUrl,
    http_proxy: outboundUrl,
    NO_PROXY: direct,
    no_proxy: direct,
    NODE_USE_ENV_PROXY: "1", // Node heeds HTTP_PROXY only when told to
    ...(port === undefined ? {} : { PORT: String(port) }),
  };
}
