import type { TestContext } from "node:test";
import type { EndpointsResource, ServiceResource } from "@heddle/contracts";
import { DEFAULT_LIMITS } from "@heddle/http1";
import { createLogger } from "@heddle/runtime";
import type { TestControlPlane } from "@heddle/testkit";
import { ConfigFile } from "../../src/config-file.ts";
import { DataFolder } from "../../src/control/data-folder.ts";
import { parseJoinToken } from "../../src/control/join-token.ts";
import { ProxyBrain } from "../../src/control/proxy-brain.ts";
import type { MeshView } from "../../src/core/mesh-view.ts";
import { FilterLibrary } from "../../src/filters/filter-library.ts";
import { DEFAULT_OVERLOAD_LIMITS } from "../../src/transport/overload.ts";

/** The proxy's brain in this process, with the workload shop/caller; stopped with the test. */
export async function startBrain(
  t: TestContext,
  control: TestControlPlane,
  dataDir: string,
  unusedDestinationMs = 600_000,
  /** More of the workload's configuration. */
  more: object = {},
): Promise<ProxyBrain> {
  const logger = createLogger("proxy", "silent");
  const file = ConfigFile.parse({
    name: "host-a",
    workloads: [{ namespace: "shop", service: "caller", ...more }],
  });
  const brain = new ProxyBrain(
    {
      ...file,
      bindAddress: "127.0.0.1",
      controlPlanes: [{ host: "127.0.0.1", port: control.port }],
      joinToken: parseJoinToken(control.token),
      dataDir,
      filtersDir: undefined,
      otlpEndpoint: new URL("http://127.0.0.1:1"),
      traceSamplingRatio: 0,
      logLevel: "silent",
      drainTimeoutMs: 0,
      limits: DEFAULT_LIMITS,
      muxConnections: 2,
      overload: DEFAULT_OVERLOAD_LIMITS,
      accessLogMode: "off",
      accessLogFile: undefined,
      metricsIdleMs: 3_600_000,
      unusedDestinationMs,
    },
    await DataFolder.open(dataDir, logger),
    logger,
    new FilterLibrary(undefined, logger),
    (error) => {
      throw error;
    },
    () => new Map(),
  );
  await brain.restore();
  brain.start();
  t.after(() => brain.stop());
  return brain;
}

/** The mesh as the brain's only workload sees it. */
export function viewOf(brain: ProxyBrain): MeshView {
  const [workload] = brain.workloads;
  if (workload === undefined) throw new Error("the brain hosts no workload");
  return brain.viewOf(workload);
}

type Weights = Readonly<Record<string, number>>;

/** The service shop/NAME, split over subsets named like their version label. */
export function serviceOf(name: string, version: string, weights: Weights): ServiceResource {
  const service = { namespace: "shop", name };
  return {
    kind: "service",
    key: `service/shop/${name}`,
    version,
    service,
    routes: [
      {
        name: "default",
        matches: [],
        destinations: Object.entries(weights).map(([subset, weight]) => ({
          service,
          subset,
          weight,
        })),
      },
    ],
    subsets: Object.keys(weights).map((subset) => ({ name: subset, labels: { version: subset } })),
    revision: 1,
  };
}

/** One endpoint per version of shop/NAME, on ports from 9001. */
export function endpointsOf(
  name: string,
  version: string,
  versions: readonly string[],
): EndpointsResource {
  return {
    kind: "endpoints",
    key: `endpoints/shop/${name}`,
    version,
    service: { namespace: "shop", name },
    endpoints: versions.map((itsVersion, index) => ({
      id: `${name}-${itsVersion}`,
      namespace: "shop",
      workload: `${name}-${itsVersion}`,
      labels: { app: name, version: itsVersion },
      address: "127.0.0.1",
      port: 9001 + index,
      identity: `spiffe://cluster.local/ns/shop/sa/${name}-${itsVersion}`,
    })),
  };
}
