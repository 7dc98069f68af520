import type { Http1Limits } from "@heddle/http1";
import { formatId } from "@heddle/mesh";
import {
  createLogger,
  InvalidConfigError,
  type Logger,
  onShutdown,
  runMain,
} from "@heddle/runtime";
import { startAdminServer } from "./admin/admin-server.ts";
import { adminSources } from "./admin/admin-sources.ts";
import { loadConfig, type ProxyConfig } from "./config.ts";
import { DataFolder } from "./control/data-folder.ts";
import { ProxyBrain } from "./control/proxy-brain.ts";
import type { RunningWorkload } from "./control/running-workload.ts";
import type { Listener } from "./core/listener.ts";
import type { ProtocolMemory } from "./core/protocol-memory.ts";
import { drainInOrder } from "./drain.ts";
import { FilterLibrary } from "./filters/filter-library.ts";
import { startInbound } from "./inbound/index.ts";
import { startOutbound } from "./outbound/index.ts";
import { Ports } from "./ports.ts";
import { giveStartupMemoryBack } from "./startup-memory.ts";
import { AccessLog } from "./telemetry/access-log.ts";
import { fileOutput, standardOutput } from "./telemetry/log-output.ts";
import { OtlpExporter } from "./telemetry/otlp-exporter.ts";
import { Recorder } from "./telemetry/recorder.ts";
import { TapExporter } from "./telemetry/tap-exporter.ts";
import { TrafficSums } from "./telemetry/traffic-sums.ts";
import { processOverload } from "./transport/overload.ts";

const INBOUND_PORT = 15_006;
const OUTBOUND_PORT = 15_001;
const ADMIN_PORT = 15_020;
const READY_CHECK_MS = 50;
/**
 * What lies on disk may be old: the app's first requests wait so long for the control plane's word, and
 * go by the disk when it does not come.
 */
const CURRENT_MS = 500;
const LAST_PUSH_MS = 2_000;
/** After saying that we drain, until others have heard of it and send nothing new here. */
const LEAVE_MS = 300;
/** What stopping needs besides draining: goodbye, the last push, files. */
const STOP_MARGIN_MS = 5_000;

runMain(async () => {
  const config = await loadConfig(process.argv.slice(2), process.env);
  const logger = createLogger("proxy", config.logLevel);
  const data = await DataFolder.open(config.dataDir, logger);
  const fail = (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  };
  const filters = await openFilters(config, logger);
  const sums = new TrafficSums();
  const brain = new ProxyBrain(config, data, logger, filters, fail, () => sums.count(recorder));
  for (const workload of brain.workloads) workload.checkFilters();
  const accessLog = openAccessLog(config, logger);
  const recorder = new Recorder({
    samplingRatio: config.traceSamplingRatio,
    draw: Math.random,
    accessLogMode: config.accessLogMode,
    accessLog,
    environment: process.env,
    logger,
    limits: { idleMs: config.metricsIdleMs },
  });
  const exporter = new OtlpExporter({
    endpoint: config.otlpEndpoint,
    recorder,
    instanceId: () => brain.proxyId,
    logger,
  });
  const { taps } = recorder;
  brain.onTaps = (orders) => taps.set(orders);
  const tapExporter = new TapExporter({
    endpoint: config.otlpEndpoint,
    taps,
    proxyId: () => brain.proxyId,
  });
  await brain.restore();
  const ports = await Ports.load(data);
  const admin = await ports.listen(
    { purpose: "admin", setting: "adminPort", configured: config.adminPort, standard: ADMIN_PORT },
    (port) => startAdminServer(port, adminSources(brain, recorder, exporter)),
  );
  processOverload.limits = config.overload;
  giveStartupMemoryBack();
  const listeners: Listeners = { inbound: [], outbound: [] };
  const { protocols } = brain;
  for (const workload of brain.workloads) {
    const { limits, muxConnections } = config;
    const parts = { brain, recorder, logger, ports, limits, protocols, muxConnections };
    const { inbound, outbound } = await startListeners(workload, parts);
    listeners.inbound.push(...inbound);
    listeners.outbound.push(...outbound);
  }
  brain.start(CURRENT_MS);
  exporter.start();
  filters.watch(() => {
    for (const workload of brain.workloads) workload.refreshFilters();
  });
  onShutdown(logger, config.drainTimeoutMs + STOP_MARGIN_MS, async () => {
    brain.drain();
    await new Promise((resolve) => setTimeout(resolve, LEAVE_MS));
    await drainInOrder(listeners.inbound, listeners.outbound, config.drainTimeoutMs);
    await brain.stop();
    await Promise.all(
      [exporter, tapExporter, accessLog].map((sender) => sender.stop(LAST_PUSH_MS)),
    );
    filters.close();
    await admin.close();
  });
  tellWhenReady(brain, admin.port, config, logger);
});

/** Open also while it is off: a Telemetry document may want it at any time. */
function openAccessLog({ accessLogFile }: ProxyConfig, logger: Logger): AccessLog {
  if (accessLogFile === undefined) return new AccessLog(standardOutput(), logger);
  try {
    return new AccessLog(fileOutput(accessLogFile), logger);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`HEDDLE_ACCESS_LOG_FILE: ${why}`);
  }
}

/** Rejects when the folder cannot be read; a file in it that cannot be used is only told of. */
async function openFilters({ filtersDir }: ProxyConfig, logger: Logger): Promise<FilterLibrary> {
  const library = new FilterLibrary(filtersDir, logger);
  try {
    await library.load();
  } catch (error) {
    throw new InvalidConfigError(
      `HEDDLE_FILTERS_DIR: cannot read ${filtersDir}: ${(error as Error).message}`,
    );
  }
  return library;
}

/** For callers of the workloads, and for their apps. */
type Listeners = { readonly inbound: Listener[]; readonly outbound: Listener[] };

type Parts = {
  readonly brain: ProxyBrain;
  readonly recorder: Recorder;
  readonly logger: Logger;
  readonly ports: Ports;
  readonly limits: Http1Limits;
  readonly protocols: ProtocolMemory;
  readonly muxConnections: number;
};

/** The workload's listeners; their ports are noted in it, since `hello` tells them. */
async function startListeners(workload: RunningWorkload, parts: Parts): Promise<Listeners> {
  const { brain, recorder, logger, ports, limits, protocols, muxConnections } = parts;
  const id = formatId(workload.id);
  const { settings } = workload;
  const listeners: Listeners = { inbound: [], outbound: [] };
  const { turnedAway } = brain;
  const common = { workload, recorder, logger, limits, protocols, turnedAway, muxConnections };
  for (const [index, app] of workload.ports.entries()) {
    const inbound = await ports.listen(
      {
        purpose: index === 0 ? `inbound of ${id}` : `inbound of ${id} to ${app.port}`,
        setting: "inboundPort",
        configured: app.configured,
        standard: index === 0 ? INBOUND_PORT : 0,
      },
      (port) => startInbound({ ...common, port, app }),
    );
    app.inboundPort = inbound.port;
    listeners.inbound.push(inbound);
  }
  const view = brain.viewOf(workload);
  const outboundOf = (host: string | undefined) => (port: number) =>
    startOutbound({ ...common, port, host, view, ownPorts: ports.taken, mayBegin: brain.current });
  const outbound = await ports.listen(
    {
      purpose: `outbound of ${id}`,
      setting: "outboundPort",
      configured: settings.outboundPort,
      standard: OUTBOUND_PORT,
    },
    outboundOf(undefined),
  );
  workload.outboundPort = outbound.port;
  listeners.outbound.push(outbound);
  for (const { host, localPort } of settings.outbounds) {
    const local = await ports.listen(
      {
        purpose: `outbound of ${id} to ${host}`,
        setting: "localPort",
        configured: localPort,
        standard: 0,
      },
      outboundOf(host),
    );
    workload.outbounds.push({ host, localPort: local.port });
    listeners.outbound.push(local);
  }
  return listeners;
}

/** Tells the parent, once, as soon as every workload can serve. */
function tellWhenReady(
  brain: ProxyBrain,
  adminPort: number,
  config: ProxyConfig,
  logger: Logger,
): void {
  const timer = setInterval(() => {
    if (!brain.isReady) return;
    clearInterval(timer);
    const workloads = brain.workloads.map(
      ({ id, inboundPort, outboundPort, outbounds, ports }) => ({
        namespace: id.namespace,
        workload: id.name,
        inboundPort,
        ports: ports.map(({ port, inboundPort, protocol }) => ({ port, inboundPort, protocol })),
        outboundPort,
        outbounds,
      }),
    );
    logger.info({ name: config.name, adminPort, workloads }, "ready");
    process.send?.({ type: "ready", adminPort, workloads });
  }, READY_CHECK_MS);
}
