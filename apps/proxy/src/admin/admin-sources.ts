import { formatId } from "@heddle/mesh";
import type { Registry } from "prom-client";
import type { ProxyBrain } from "../control/proxy-brain.ts";
import { withoutSecrets } from "../control/without-secrets.ts";
import type { OtlpExporter } from "../telemetry/otlp-exporter.ts";
import type { Recorder } from "../telemetry/recorder.ts";
import type { AdminSources } from "./admin-server.ts";

/** What this proxy tells about itself; never a key. */
export function adminSources(
  brain: ProxyBrain,
  recorder: Recorder,
  exporter: OtlpExporter,
): AdminSources {
  let registry: Promise<Registry> | undefined;
  const createRegistry = async () => {
    // Most proxies are never scraped: the library is loaded at the first time.
    const { createMetricsRegistry } = await import("../telemetry/prometheus.ts");
    return createMetricsRegistry(recorder, exporter, () => brain.certificates);
  };
  return {
    registry: () => (registry ??= createRegistry()),
    notReady: () => notReadyReasons(brain),
    concerns: () => concernsOf(brain),
    configDump: () => configDump(brain),
    stats: () => stats(brain, recorder, exporter),
  };
}

function notReadyReasons(brain: ProxyBrain): string[] {
  const nowMs = Date.now();
  return brain.workloads.flatMap((workload) => {
    const id = formatId(workload.id);
    const reasons: string[] = [];
    if (!workload.identity.isValid(nowMs)) reasons.push(`${id} has no valid certificate`);
    if (!workload.isConfigured) reasons.push(`${id} has no configuration`);
    return reasons;
  });
}

/** What is wrong although the proxy serves: certificates that could not be renewed in time. */
function concernsOf(brain: ProxyBrain): string[] {
  return brain.certificates.flatMap(({ holder, state, notAfterMs = 0, problem }) => {
    if (state !== "late" && state !== "expired") return [];
    const ends = `${state === "late" ? "ends" : "ended"} at ${new Date(notAfterMs).toISOString()}`;
    return [`${holder}: its certificate is ${state} (${ends}): ${problem ?? "no answer yet"}`];
  });
}

function configDump(brain: ProxyBrain): unknown {
  const { configuration } = brain;
  const { subscriptions, resolutions, outboundTrafficPolicy } = configuration.saved;
  return {
    proxyId: brain.proxyId,
    controlStream: brain.streamStatus,
    certificates: brain.certificates.map(({ notAfterMs, ...rest }) => ({
      ...rest,
      ...(notAfterMs === undefined ? {} : { notAfter: new Date(notAfterMs).toISOString() }),
    })),
    revision: configuration.revision,
    outboundTrafficPolicy,
    workloads: brain.workloads.map((workload) => ({
      id: formatId(workload.id),
      service: workload.service,
      version: workload.version,
      labels: workload.labels,
      mtlsMode: workload.mtlsMode,
      inboundPort: workload.inboundPort,
      outboundPort: workload.outboundPort,
      outbounds: workload.outbounds,
      appPort: workload.appPort,
      filters: workload.policy.filters.all.map((filter) => filter.describe(performance.now())),
      certificate: certificateOf(workload),
    })),
    resources: withoutSecrets(configuration.resources),
    subscriptions,
    resolutions,
  };
}

function certificateOf({ identity }: ProxyBrain["workloads"][number]): unknown {
  const { spiffeId, notAfterMs, material } = identity;
  if (notAfterMs === undefined) return undefined;
  return { spiffeId, notAfter: new Date(notAfterMs).toISOString(), chainPem: material?.chainPem };
}

function stats(brain: ProxyBrain, recorder: Recorder, exporter: OtlpExporter): unknown {
  const { heapUsed, rss } = process.memoryUsage();
  return {
    uptimeSeconds: Math.round(process.uptime()),
    heapUsedBytes: heapUsed,
    rssBytes: rss,
    revision: brain.configuration.revision,
    series: recorder.table.count + recorder.tcpTable.count,
    seriesOverflowed: recorder.table.overflowed + recorder.tcpTable.overflowed,
    telemetry: exporter.state,
  };
}
