import type { CheckedApp } from "../health/health-checker.ts";
import type { RunningWorkload } from "./running-workload.ts";

/** The check its configuration asks for, if any. */
export function checkedApp({ id, settings }: RunningWorkload): CheckedApp[] {
  const check = settings.healthCheck;
  if (check === undefined) return [];
  const first = settings.ports[0];
  const port = check.port ?? first?.port ?? 0;
  const { protocol } = settings.ports.find((one) => one.port === port) ?? { protocol: "auto" };
  const isHttp2 = protocol === "http2" || protocol === "grpc";
  return [{ id, settings: check, target: { port, isHttp2 } }];
}
