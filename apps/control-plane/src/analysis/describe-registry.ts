import type { LiveRegistry } from "@heddle/resources";
import type { KnownInstances } from "../study/known-instances.ts";

type Known = {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  endpoints: number;
};

/** What runs now, as analysis takes it: services with their ports, workloads by their labels. */
export function describeRegistry(running: KnownInstances): LiveRegistry {
  const services = new Map<string, { namespace: string; name: string; ports: Set<number> }>();
  const workloads = new Map<string, Known>();
  for (const instance of running.instances()) {
    const { namespace, workload, service, labels, appPort, morePorts } = instance;
    const ports = [appPort ?? [], morePorts.map((one) => one.appPort)].flat();
    if (ports.length > 0) {
      const key = `${namespace}/${service}`;
      const known = services.get(key) ?? { namespace, name: service, ports: new Set<number>() };
      for (const port of ports) known.ports.add(port);
      services.set(key, known);
    }
    // Instances of one workload and version carry the same labels.
    const key = `${namespace}/${workload} ${JSON.stringify(labels)}`;
    const known = workloads.get(key) ?? { namespace, name: workload, labels, endpoints: 0 };
    known.endpoints += 1;
    workloads.set(key, known);
  }
  return {
    services: [...services.values()].map(({ ports, ...one }) => ({ ...one, ports: [...ports] })),
    workloads: [...workloads.values()],
  };
}
