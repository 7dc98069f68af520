import { isIP } from "node:net";
import {
  CONTROL_STREAM_PROTOCOL,
  type ProxyMessage,
  type WorkloadRegistration,
} from "@heddle/contracts";
import { isDnsLabel } from "@heddle/resources";
import type { StoredProxy } from "@heddle/store";
import type { StreamRefusal } from "./stream-refusals.ts";

const MAX_WORKLOADS = 1000;
const MAX_LABELS = 64;
const MAX_PORTS = 64;
const LOCALITY = /^[^/\s]{1,63}(\/[^/\s]{1,63}){0,2}$/;
// X.509 caps CN and O at 64 characters; names go there, so that peers can label their metrics.
const VERSION = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Why a proxy's `hello` is turned away. */
export type HelloRefusal = { readonly code: StreamRefusal; readonly message: string };

/** Holds a `hello` against what the proxy's certificate and join token allow. `undefined`: welcome. */
export function checkHello(
  hello: Extract<ProxyMessage, { type: "hello" }>,
  proxy: Pick<StoredProxy, "id" | "namespace" | "workload">,
): HelloRefusal | undefined {
  if (hello.protocol !== CONTROL_STREAM_PROTOCOL) {
    const message = `this control plane speaks protocol ${CONTROL_STREAM_PROTOCOL}, the proxy ${hello.protocol}`;
    return { code: "HEDDLE_PROTOCOL", message };
  }
  if (hello.proxyId !== proxy.id) {
    const message = `the certificate is ${proxy.id}'s, the hello says ${hello.proxyId}`;
    return { code: "HEDDLE_NOT_YOUR_IDENTITY", message };
  }
  if (hello.workloads.length > MAX_WORKLOADS) {
    const message = `${hello.workloads.length} workloads on one proxy; at most ${MAX_WORKLOADS}`;
    return { code: "HEDDLE_TOO_MANY_WORKLOADS", message };
  }
  for (const workload of hello.workloads) {
    const refusal = checkAllowed(workload, proxy) ?? checkShape(workload, proxy.id);
    if (refusal) return refusal;
  }
  const ids = new Set(hello.workloads.map(({ instanceId }) => instanceId));
  if (ids.size < hello.workloads.length) {
    return { code: "HEDDLE_BAD_REGISTRATION", message: "a workload is registered twice" };
  }
  return undefined;
}

function checkAllowed(
  { namespace, workload }: WorkloadRegistration,
  proxy: Pick<StoredProxy, "namespace" | "workload">,
): HelloRefusal | undefined {
  const isAllowed =
    namespace === proxy.namespace && (proxy.workload === undefined || proxy.workload === workload);
  if (isAllowed) return undefined;
  const allowed = `${proxy.namespace}/${proxy.workload ?? "*"}`;
  const message = `workload ${namespace}/${workload}: the join token of this proxy allows only ${allowed}`;
  return { code: "HEDDLE_WORKLOAD_NOT_ALLOWED", message };
}

function checkShape(workload: WorkloadRegistration, proxyId: string): HelloRefusal | undefined {
  const name = `workload ${workload.namespace}/${workload.workload}`;
  const faults: string[] = [];
  if (!isDnsLabel(workload.workload)) faults.push("the name is not an RFC 1123 label");
  if (!isDnsLabel(workload.service)) {
    faults.push(`service ${JSON.stringify(workload.service)} is not an RFC 1123 label`);
  }
  if (workload.version !== undefined && !VERSION.test(workload.version)) {
    faults.push(`version ${JSON.stringify(workload.version)} is not a label value of 1 to 63`);
  }
  // A workload that only calls others (no appPort) has no inbound listener and says 0.
  const onlyCalls = workload.appPort === undefined && workload.inboundPort === 0;
  if (!onlyCalls && !isPort(workload.inboundPort))
    faults.push(`inboundPort ${workload.inboundPort} is no port`);
  if (workload.appPort !== undefined && !isPort(workload.appPort)) {
    faults.push(`appPort ${workload.appPort} is no port`);
  }
  faults.push(...faultsOfMorePorts(workload));
  if (workload.locality !== undefined && !LOCALITY.test(workload.locality)) {
    faults.push(`locality ${JSON.stringify(workload.locality)} is not region[/zone[/subzone]]`);
  }
  if (!isIP(workload.address) && !HOST_NAME.test(workload.address)) {
    faults.push(`address ${JSON.stringify(workload.address)} is neither IP address nor host name`);
  }
  if (Object.keys(workload.labels).length > MAX_LABELS)
    faults.push(`more than ${MAX_LABELS} labels`);
  const instanceId = `${proxyId}/${workload.namespace}/${workload.workload}`;
  if (workload.instanceId !== instanceId) faults.push(`instanceId is not ${instanceId}`);
  if (faults.length === 0) return undefined;
  return { code: "HEDDLE_BAD_REGISTRATION", message: `${name}: ${faults.join("; ")}` };
}

function faultsOfMorePorts({ appPort, morePorts = [] }: WorkloadRegistration): string[] {
  if (morePorts.length >= MAX_PORTS) return [`more than ${MAX_PORTS} ports`];
  if (appPort === undefined && morePorts.length > 0) return ["morePorts without an appPort"];
  const faults = morePorts.flatMap((port, at) =>
    (["appPort", "inboundPort"] as const)
      .filter((field) => !isPort(port[field]))
      .map((field) => `morePorts[${at}].${field} ${port[field]} is no port`),
  );
  const ports = [appPort, ...morePorts.map((port) => port.appPort)];
  if (new Set(ports).size < ports.length) faults.push("an app port is named twice");
  return faults;
}

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
