import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ProxyResource } from "@heddle/contracts";
import type { Route } from "@heddle/mesh";
import { TestControlPlane } from "@heddle/testkit";
import { paths } from "../../../apps/cli/src/paths.ts";
import { MEMORY_ENV, proxyArgs } from "../../../apps/cli/src/run/proxy-command.ts";
import { LOAD_COOKIE } from "../closed-loop.ts";
import { MEASURED_CORE, start } from "../processes.ts";
import {
  type Contestant,
  isPair,
  PLAIN_HEDDLE,
  RULES,
  type Shape,
  type Surroundings,
} from "./subject.ts";

const READY_MS = 60_000;

type Ready = { readonly workloads: readonly Omit<RunningProxy, "pid">[] };

type RunningProxy = {
  readonly pid: number;
  readonly inboundPort: number;
  readonly outboundPort: number;
  readonly outbounds: readonly { readonly localPort: number }[];
};

type Protocol = "http" | "grpc" | "tcp";
type Workload = {
  readonly service: string;
  readonly appPort?: number;
  readonly protocol?: Protocol;
  readonly outbounds?: readonly { readonly host: string }[];
  readonly filters?: readonly object[];
};

/** The port under which the service is known where its protocol is declared. */
const SERVICE_PORT = 9_000;

/**
 * Heddle in its default configuration: flags and compile cache as `heddle up` gives them, exact metrics
 * exported each second, spans at 1 %, routing, deadlines, authorization. One hop is the caller's sidecar
 * and an app without one; the pair is both sidecars.
 */
export function startHeddle(shape: Shape, around: Surroundings): Promise<Contestant> {
  return startAs("heddle", shape, around);
}

/** One plaintext hop without rules or filters, beside one with them. */
export function startPlainHeddle(_shape: Shape, around: Surroundings): Promise<Contestant> {
  return startAs(PLAIN_HEDDLE, "hop", around);
}

async function startAs(name: string, shape: Shape, around: Surroundings): Promise<Contestant> {
  const { upstreamPorts, authority } = around;
  const protocol = shape.startsWith("grpc") ? "grpc" : shape.startsWith("tcp") ? "tcp" : "http";
  const appPort = upstreamPorts[protocol];
  const service = `${name}-${shape}-app`;
  const host = protocol === "http" ? service : `${service}:${SERVICE_PORT}`;
  const caller = {
    service: `${name}-${shape}-caller`,
    ...(protocol === "tcp" && { outbounds: [{ host }] }),
    ...(shape === "filters" && { filters: FILTERS }),
  };
  const routes = shape === "rules" ? fiftyRules(service) : [];
  const describe = (port: number, identity?: string) =>
    serviceAt({ name: service, protocol, port, identity, routes });
  const pids: number[] = [];
  let resources = describe(appPort);
  if (isPair(shape)) {
    const app = await startProxy({ service, appPort, protocol }, around, []);
    pids.push(app.pid);
    const names = { namespace: "shop", workload: service, service };
    resources = describe(app.inboundPort, authority.spiffeId(names));
  }
  const { pid, outboundPort, outbounds } = await startProxy(caller, around, resources);
  const port = outbounds[0]?.localPort ?? outboundPort;
  return { name, port, host, pids: [pid, ...pids] };
}

/** The examples of examples/filters, both at work: the load's cookie serves as the API key. */
const FILTERS = [
  {
    name: "canary-cookie",
    direction: "outbound",
    settings: { service: "shop/filters-app", subsets: ["v1", "v2"] },
  },
  {
    name: "api-key",
    direction: "outbound",
    settings: {
      header: "cookie",
      keys: { bench: createHash("sha256").update(LOAD_COOKIE).digest("hex") },
    },
  },
];
const FILTERS_DIR = fileURLToPath(new URL("../../../examples/filters", import.meta.url));

/** One proxy process, joined to a control plane that knows `resources`. */
async function startProxy(
  workload: Workload,
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
      ...MEMORY_ENV, // as `heddle up` does
      HEDDLE_CONTROL_PLANE: control.address,
      HEDDLE_JOIN_TOKEN: control.token,
      HEDDLE_DATA_DIR: mkdtempSync(join(folder, `${workload.service}-data-`)),
      HEDDLE_LOG_LEVEL: "error",
      OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl,
      ...(workload.filters && { HEDDLE_FILTERS_DIR: FILTERS_DIR }),
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

/** A service whose last route, or only one, is to all of its endpoints, of which it has one. */
function serviceAt(parts: {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly identity: string | undefined;
  readonly routes: readonly Route[];
}): ProxyResource[] {
  const { name, protocol, port, identity, routes } = parts;
  const service = { namespace: "shop", name };
  return [
    {
      kind: "service",
      key: `service/shop/${name}`,
      version: "1",
      service,
      routes: [...routes, { name: "default", matches: [], destinations: [{ service, weight: 1 }] }],
      subsets: [],
      revision: 0,
      ...(protocol !== "http" && { ports: [{ number: SERVICE_PORT, protocol }] }),
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

/** Forty-nine rules that do not hold, before the one that does. */
function fiftyRules(name: string): Route[] {
  const destinations = [{ service: { namespace: "shop", name }, weight: 1 }];
  return RULES.map((rule, index) => ({
    name: `rule-${index}`,
    matches: [
      rule.prefix === undefined
        ? { headers: { [rule.field]: { kind: "exact", value: rule.value } } }
        : { uri: { kind: "prefix", value: rule.prefix } },
    ],
    destinations,
  }));
}
