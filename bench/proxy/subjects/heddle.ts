import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ProxyResource } from "@heddle/contracts";
import { TestControlPlane } from "@heddle/testkit";
import { paths } from "../../../apps/cli/src/paths.ts";
import { proxyArgs } from "../../../apps/cli/src/run/proxy-command.ts";
import { MEASURED_CORE, start } from "../processes.ts";
import type { Contestant, Shape, Surroundings } from "./subject.ts";

const READY_MS = 60_000;

type Ready = {
  readonly workloads: readonly { readonly inboundPort: number; readonly outboundPort: number }[];
};

type RunningProxy = {
  readonly pid: number;
  readonly inboundPort: number;
  readonly outboundPort: number;
};

/**
 * Heddle in its default configuration: flags and compile cache as `heddle up` gives them, exact metrics
 * exported each second, spans at 1 %, routing, deadlines, authorization. One hop is the caller's sidecar
 * and an app without one; the pair is both sidecars.
 */
export async function startHeddle(shape: Shape, around: Surroundings): Promise<Contestant> {
  const { upstreamPort, authority } = around;
  if (shape === "hop") {
    const caller = await startProxy({ service: "front" }, around, serviceAt("plain", upstreamPort));
    return { name: "heddle", port: caller.outboundPort, host: "plain", pids: [caller.pid] };
  }
  const reviews = await startProxy({ service: "reviews", appPort: upstreamPort }, around, []);
  const identity = authority.spiffeId({
    namespace: "shop",
    workload: "reviews",
    service: "reviews",
  });
  const resources = serviceAt("reviews", reviews.inboundPort, identity);
  const caller = await startProxy({ service: "caller" }, around, resources);
  const pids = [caller.pid, reviews.pid];
  return { name: "heddle", port: caller.outboundPort, host: "reviews", pids };
}

/** One proxy process, joined to a control plane that knows `resources`. */
async function startProxy(
  workload: { readonly service: string; readonly appPort?: number },
  { folder, authority, otlpUrl }: Surroundings,
  resources: readonly ProxyResource[],
): Promise<RunningProxy> {
  const context = { after: () => {} } as unknown as TestContext;
  const control = await TestControlPlane.start(context, { authority });
  for (const resource of resources) control.resources.set(resource.key, resource);
  const configFile = join(folder, `${workload.service}.json`);
  const config = {
    name: workload.service,
    adminPort: 0,
    workloads: [{ namespace: "shop", ...workload }],
  };
  writeFileSync(configFile, JSON.stringify(config));
  const child = start(MEASURED_CORE, process.execPath, proxyArgs(configFile), {
    ipc: true,
    env: {
      HEDDLE_CONTROL_PLANE: control.address,
      HEDDLE_JOIN_TOKEN: control.token,
      HEDDLE_DATA_DIR: join(folder, `${workload.service}-data`),
      HEDDLE_LOG_LEVEL: "error",
      OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl,
      NODE_COMPILE_CACHE: paths.compileCache, // as `heddle up` does
      ...(process.env["NODE_OPTIONS"] && { NODE_OPTIONS: process.env["NODE_OPTIONS"] }),
    },
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${workload.service}: not ready`)), READY_MS);
    child.once("message", (message) => {
      clearTimeout(timer);
      resolve(message as Ready);
    });
    child.once("exit", (code) => reject(new Error(`${workload.service}: ended with ${code}`)));
  });
  const ports = ready.workloads[0];
  if (ports === undefined || child.pid === undefined) throw new Error("the proxy serves nothing");
  return { pid: child.pid, ...ports };
}

/** A service with its default route and one endpoint. */
function serviceAt(name: string, port: number, identity?: string): ProxyResource[] {
  const service = { namespace: "shop", name };
  return [
    {
      kind: "service",
      key: `service/shop/${name}`,
      version: "1",
      service,
      routes: [{ name: "default", matches: [], destinations: [{ service, weight: 1 }] }],
      subsets: [],
      revision: 0,
    },
    {
      kind: "endpoints",
      key: `endpoints/shop/${name}`,
      version: "1",
      service,
      endpoints: [
        {
          id: `${name}-1`,
          namespace: "shop",
          workload: name,
          labels: { app: name },
          address: "127.0.0.1",
          port,
          ...(identity !== undefined && { identity }),
        },
      ],
    },
  ];
}
