import { randomInt } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { TokenCreateResponse } from "@heddle/contracts";
import {
  readShopFile,
  type ShopFile,
  type ShopWorkload,
  shopWorkloads,
} from "@heddle/example-shop";
import type { ApiClient } from "../api/api-client.ts";
import type { UpConfig } from "../config.ts";
import { paths } from "../paths.ts";
import type { ProcessChange } from "../print/event-lines.ts";
import { ProxyProcess, type ProxyReady } from "../run/proxy-process.ts";
import { clearForOtherMesh } from "../run/proxy-state.ts";
import { chooseExternalPorts, keepExternalPorts } from "./external-ports.ts";
import type { Home } from "./home.ts";
import { pick } from "./mesh-processes.ts";
import { portAllocator } from "./ports.ts";
import { applyShopDocuments } from "./shop-documents.ts";
import { portProtocol, tcpDestinations } from "./shop-ports.ts";
import { type ProcessSpec, SupervisedProcess } from "./supervised-process.ts";

/** From a random one of these on, so that two meshes that start at once do not try the same ports. */
const SHOP_PORTS = { from: 20_500, to: 31_000 };
/** A proxy that dies between using its token and keeping its certificate may join again. */
const JOIN_TOKEN_USES = 3;

type AppPorts = ReadonlyMap<ShopWorkload, number>;

/** The demo shop: proxies, apps, mesh documents, load. */
export class Shop {
  readonly #config: UpConfig;
  readonly #home: Home;
  readonly #controlAddresses: string;
  readonly #onChange: (change: ProcessChange) => void;
  readonly #file: string;
  readonly #shop: ShopFile;
  readonly #proxies: ProxyProcess[] = [];
  readonly #apps: SupervisedProcess[] = [];

  /** `controlAddresses`: for its proxies, as HEDDLE_CONTROL_PLANE has them. */
  constructor(
    config: UpConfig,
    controlAddresses: string,
    home: Home,
    onChange: (change: ProcessChange) => void,
  ) {
    this.#config = config;
    this.#controlAddresses = controlAddresses;
    this.#home = home;
    this.#onChange = onChange;
    this.#file = config.passedOn["HEDDLE_SHOP_LOAD"] ?? join(paths.shop, "shop.yaml");
    this.#shop = readShopFile(this.#file);
  }

  get processes(): SupervisedProcess[] {
    return [...this.#proxies.map((proxy) => proxy.supervised), ...this.#apps];
  }

  /** Resolves when all of it serves and the load runs; answers with a few words on it. */
  async start(api: ApiClient): Promise<string> {
    const appPorts = await this.#allocate();
    const outbounds = await this.#startProxies(api, appPorts);
    await this.#startExternals(api);
    await this.#startApps(appPorts, outbounds);
    const rate = this.#shop.load.ratePerSecond;
    return `${Object.keys(this.#shop.services).length} services, ${rate} requests per second`;
  }

  /** Load and apps first, then the proxies, so that what is under way can end well. */
  async stop(appsMs: number, proxiesMs: number): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.stop(appsMs)));
    await Promise.all(this.#proxies.map((proxy) => proxy.stop(proxiesMs)));
  }

  readonly #nextPort = portAllocator(randomInt(SHOP_PORTS.from, SHOP_PORTS.to));

  async #allocate(): Promise<AppPorts> {
    const ports = new Map<ShopWorkload, number>();
    for (const workload of shopWorkloads(this.#shop)) ports.set(workload, await this.#nextPort());
    return ports;
  }

  async #startProxies(api: ApiClient, appPorts: AppPorts): Promise<Map<string, WorkloadPorts>> {
    const byProxy = Map.groupBy(appPorts.keys(), ({ proxy }) => proxy);
    const starting: Promise<ProxyReady>[] = [];
    for (const [name, workloads] of byProxy) {
      const proxy = await this.#newProxy(name, workloads, appPorts);
      this.#proxies.push(proxy);
      starting.push(this.#join(api, proxy, name));
    }
    const ready = await Promise.all(starting);
    return new Map(
      ready.flatMap(({ workloads }) => workloads.map((ports) => [ports.workload, ports])),
    );
  }

  async #newProxy(name: string, workloads: readonly ShopWorkload[], appPorts: AppPorts) {
    const { ports, proxyHost, passedOn } = this.#config;
    const file = {
      name,
      adminPort: 0, // 15020 for the first, a free one for the others
      workloads: await Promise.all(
        workloads.map(async (workload) => ({
          namespace: this.#shop.namespace,
          service: workload.service,
          version: workload.version,
          workload: workload.workload,
          ...(this.#isLoadOnly(workload)
            ? {}
            : { appPort: appPorts.get(workload) ?? 0, protocol: portProtocol(workload) }),
          inboundPort: await this.#nextPort(),
          outboundPort: await this.#nextPort(),
          outbounds: await Promise.all(
            tcpDestinations(this.#shop, workload).map(async (host) => ({
              host,
              localPort: await this.#nextPort(),
            })),
          ),
        })),
      ),
    };
    const settings = {
      file,
      dataDir: this.#home.path("proxies", name),
      logFile: this.#home.logFile(`proxy-${name}`),
      controlPlane: this.#controlAddresses,
      otlpEndpoint: `http://${proxyHost}:${ports.otlp}`,
      env: {
        HEDDLE_DRAIN_TIMEOUT_MS: "1000",
        ...pick(passedOn, [
          "HEDDLE_TRACE_SAMPLING",
          "HEDDLE_ACCESS_LOG",
          "HEDDLE_FILTERS_DIR",
          "HEDDLE_LOG_LEVEL",
          "HEDDLE_HTTP_MAX_LINE_BYTES",
          "HEDDLE_HTTP_MAX_HEADER_BYTES",
          "HEDDLE_HTTP_MAX_HEADERS",
          "HEDDLE_MUX_CONNECTIONS",
          "HEDDLE_MAX_REQUESTS",
          "HEDDLE_MAX_CONNECTIONS",
          "HEDDLE_MAX_LAG_MS",
          "HEDDLE_METRICS_IDLE_MS",
        ]),
      },
    };
    return new ProxyProcess(settings, this.#onChange);
  }

  async #join(api: ApiClient, proxy: ProxyProcess, name: string): Promise<ProxyReady> {
    const { token } = await api.ask(TokenCreateResponse, "/tokens", {
      method: "POST",
      body: { namespace: this.#shop.namespace, maxUses: JOIN_TOKEN_USES, ttlSeconds: 3600 },
    });
    const dataDir = this.#home.path("proxies", name);
    clearForOtherMesh(dataDir, token);
    return proxy.start(token);
  }

  /** The services outside the mesh, and the documents, of which one says where they are. */
  async #startExternals(api: ApiClient): Promise<void> {
    const hosts = Object.keys(this.#shop.external);
    const { ports, haveMoved } = await chooseExternalPorts(this.#home, hosts, this.#nextPort);
    const apps = Object.entries(ports).map(([host, port]) => {
      const spec = this.#spec(host, `shop-${host}`, {
        args: [join(paths.shop, "src/external-service.ts"), this.#file, host],
        env: { PORT: String(port) },
        isReady: () => listens(port),
      });
      return new SupervisedProcess(spec, this.#onChange);
    });
    this.#apps.push(...apps);
    const port = ports["tax.example"];
    const tax = port === undefined ? undefined : { address: "127.0.0.1", port };
    await Promise.all([...apps.map((app) => app.start()), applyShopDocuments(api, tax, haveMoved)]);
    keepExternalPorts(this.#home, ports);
  }

  /** The apps that serve, then those that make load: the gateway and the legacy caller. */
  async #startApps(appPorts: AppPorts, proxies: ReadonlyMap<string, WorkloadPorts>): Promise<void> {
    const all = [...appPorts].map(([workload, port]) => ({
      workload,
      app: this.#newApp(workload, port, proxies.get(workload.workload)),
    }));
    const start = async (apps: SupervisedProcess[]) => {
      this.#apps.push(...apps);
      await Promise.all(apps.map((app) => app.start()));
    };
    const isLoad = ({ workload }: { workload: ShopWorkload }) => this.#isLoadOnly(workload);
    await start(all.filter((entry) => !isLoad(entry)).map(({ app }) => app));
    await start([...all.filter(isLoad).map(({ app }) => app), ...this.#legacyCallers(proxies)]);
  }

  #newApp(workload: ShopWorkload, port: number, ports: WorkloadPorts | undefined) {
    const { service, version } = workload;
    return new SupervisedProcess(
      this.#spec(`${service} ${version}`, `shop-${workload.workload}`, {
        args: [join(paths.shop, "src/service.ts"), this.#file, service, version],
        env: {
          PORT: String(port),
          HEDDLE_OUTBOUND_URL: `http://127.0.0.1:${ports?.outboundPort ?? 0}`,
          SHOP_LOCAL_PORTS: (ports?.outbounds ?? [])
            .map(({ host, localPort }) => `${host}=${localPort}`)
            .join(),
        },
        isReady: () => listens(port),
      }),
      this.#onChange,
    );
  }

  #legacyCallers(proxies: ReadonlyMap<string, WorkloadPorts>): SupervisedProcess[] {
    const { legacy } = this.#shop;
    if (legacy === undefined) return [];
    const target = shopWorkloads(this.#shop).find(({ service }) => service === legacy.calls);
    const { inboundPort } = proxies.get(target?.workload ?? "") ?? { inboundPort: 0 };
    const spec = this.#spec(legacy.name, `shop-${legacy.name}`, {
      args: [
        join(paths.shop, "src/legacy-caller.ts"),
        this.#file,
        `http://127.0.0.1:${inboundPort}`,
      ],
      env: {},
      isReady: () => Promise.resolve(true),
    });
    return [new SupervisedProcess(spec, this.#onChange)];
  }

  #spec(name: string, log: string, rest: Pick<ProcessSpec, "args" | "env" | "isReady">) {
    return { name, logFile: this.#home.logFile(log), ...rest };
  }

  /** The gateway makes the load and serves nobody. */
  #isLoadOnly({ service }: ShopWorkload): boolean {
    return service === this.#shop.load.from;
  }
}

type WorkloadPorts = ProxyReady["workloads"][number];

/** Asked without a request: each request to an app makes calls. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.destroy());
    socket.once("error", () => resolve(false));
    socket.once("close", (hadError) => resolve(!hadError));
  });
}
