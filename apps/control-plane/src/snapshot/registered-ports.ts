import type { ServiceResource } from "@heddle/contracts";
import type { PortProtocol, ServicePort } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import { contentVersion } from "./content-version.ts";

/**
 * Ports that instances have registered: all of those with several; one that stands for the only port of
 * all if it speaks something else than HTTP. `undefined`: nothing that a caller would not find out.
 */
export function registeredPorts(instances: readonly StoredInstance[]): ServicePort[] | undefined {
  if (instances.some(({ morePorts }) => morePorts.length > 0)) return portsOfAll(instances);
  const [first] = instances;
  if (first?.appPort === undefined || first.protocol === "http") return undefined;
  if (instances.some(({ protocol }) => protocol !== first.protocol)) return undefined;
  const number = Math.min(...instances.map(({ appPort = 65_535 }) => appPort));
  return [{ number, protocol: first.protocol }];
}

/** In the order they were registered in: without a port in its host, a request means the first. */
function portsOfAll(instances: readonly StoredInstance[]): ServicePort[] {
  const ports = new Map<number, { name: string | undefined; protocol: PortProtocol }>();
  for (const { appPort, protocol, morePorts } of instances) {
    for (const port of [{ name: undefined, appPort, protocol }, ...morePorts]) {
      if (port.appPort !== undefined && !ports.has(port.appPort)) ports.set(port.appPort, port);
    }
  }
  return [...ports].map(([number, { name, protocol }]) => ({
    number,
    ...(name === undefined ? {} : { name }),
    protocol,
  }));
}

/** A service with ports that no document declares. */
export function addPorts(resource: ServiceResource, ports: ServicePort[]): ServiceResource {
  const { version: _, revision, ...content } = { ...resource, ports };
  return { ...content, version: contentVersion(content), revision };
}
