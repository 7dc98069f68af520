import { ACCESS_VARIABLES, type UpConfig } from "../config.ts";
import { paths } from "../paths.ts";
import type { ControlPlanePorts } from "./control-plane-ports.ts";
import type { Home } from "./home.ts";
import type { ProcessSpec } from "./supervised-process.ts";

const READY_REQUEST_TIMEOUT_MS = 2000;

/** Control planes, collector and console as docs/architecture.md starts them. */
export function meshProcesses(
  config: UpConfig,
  controlPlanes: readonly ControlPlanePorts[],
  home: Home,
  databaseUrl: string,
): ProcessSpec[] {
  const { ports, passedOn } = config;
  const { authSecret, caSecret } = home.secrets;
  const collectorUrl = `http://127.0.0.1:${ports.collectorAdmin}`;
  const shared = { DATABASE_URL: databaseUrl, HEDDLE_AUTH_SECRET: authSecret };
  return [
    ...controlPlanes.map(({ name, control, admin }) => ({
      name,
      args: [paths.entry("control-plane")],
      env: {
        ...shared,
        HEDDLE_CA_SECRET: caSecret,
        HEDDLE_CONTROL_PORT: String(control),
        HEDDLE_CONTROL_ADMIN_PORT: String(admin),
        HEDDLE_CONSOLE_URL: `http://127.0.0.1:${ports.console}`,
        ...pick(passedOn, [
          ...ACCESS_VARIABLES,
          "HEDDLE_TRUST_DOMAIN",
          "HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS",
          "HEDDLE_CA_ROOT_TTL_SECONDS",
          "HEDDLE_CA_INTERMEDIATE_TTL_SECONDS",
          "HEDDLE_CA_CERT_FILE",
          "HEDDLE_CA_KEY_FILE",
          "HEDDLE_CA_ROOT_FILE",
          "HEDDLE_LOG_LEVEL",
          "HEDDLE_PROXY_BIND_ADDRESS",
          "HEDDLE_CONTROL_NAMES",
          "HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS",
          "HEDDLE_MAX_ENDPOINT_LOSS_PERCENT",
          "HEDDLE_REGISTRY_DIR",
          "HEDDLE_PUSH",
          "HEDDLE_PUSH_WINDOW_MS",
        ]),
      },
      logFile: home.logFile(name),
      isReady: () => answers(`http://127.0.0.1:${admin}/readyz`),
    })),
    {
      name: "collector",
      args: [paths.entry("collector")],
      env: {
        ...shared,
        HEDDLE_OTLP_PORT: String(ports.otlp),
        HEDDLE_COLLECTOR_ADMIN_PORT: String(ports.collectorAdmin),
        ...pick(passedOn, ["HEDDLE_LOG_LEVEL", "HEDDLE_PROXY_BIND_ADDRESS"]),
      },
      logFile: home.logFile("collector"),
      isReady: () => answers(`${collectorUrl}/readyz`),
    },
    {
      name: "console",
      args: [
        "--import",
        paths.dieWithParent,
        paths.next,
        "start",
        "--hostname",
        "127.0.0.1",
        "--port",
        String(ports.console),
      ],
      cwd: paths.web,
      env: {
        HEDDLE_CONTROL_PLANE_URL: controlPlanes
          .map(({ admin }) => `http://127.0.0.1:${admin}`)
          .join(),
        HEDDLE_COLLECTOR_URL: collectorUrl,
        ...pick(passedOn, ["HEDDLE_TRUSTED_PROXIES"]),
        NEXT_TELEMETRY_DISABLED: "1",
      },
      logFile: home.logFile("console"),
      isReady: () => answers(`http://127.0.0.1:${ports.console}/login`),
    },
  ];
}

/** Whether a GET is answered with a status below 400. */
export async function answers(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(READY_REQUEST_TIMEOUT_MS);
    const response = await fetch(url, { signal, redirect: "manual" });
    await response.body?.cancel();
    return response.status < 400;
  } catch {
    return false; // not listening yet: that is the question
  }
}

export function pick(
  from: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}
