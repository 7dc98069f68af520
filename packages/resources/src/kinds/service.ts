import { z } from "zod";
import type { ServiceDocument } from "../documents/registry-documents.ts";
import { differing, fields, ignored, warnIf } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { labels, port, portName } from "./fields.ts";
import { fqdn } from "./hosts.ts";
import { isUdp, protocolName, protocolOfServicePort } from "./protocols.ts";

const CLUSTER_ONLY = "it concerns the network of a Kubernetes cluster";

const servicePort = warnIf(
  fields({
    name: portName.optional(),
    port,
    targetPort: port.or(portName).optional(),
    protocol: protocolName.optional(),
    appProtocol: z.string().max(253).optional(),
    nodePort: ignored(CLUSTER_ONLY),
  }),
  ({ name, port: number, protocol, appProtocol }) => {
    if (isUdp(protocol)) return "Heddle carries no UDP: this port is not served";
    const found = protocolOfServicePort({ number, name, appProtocol });
    return found === "auto"
      ? "its protocol is not declared (by appProtocol or a name such as http-web, grpc, tcp-db) and is found out at the first connection"
      : undefined;
  },
);

const portList = z.array(servicePort).superRefine((list, context) => {
  list.forEach((one, index) => {
    const earlier = list.slice(0, index);
    const issue = (field: string, message: string) =>
      context.addIssue({ code: "custom", path: [index, field], message });
    if (one.name !== undefined && earlier.some(({ name }) => name === one.name)) {
      issue("name", "Duplicate value: is an earlier port's name");
    }
    if (
      earlier.some(
        (other) => other.port === one.port && isUdp(other.protocol) === isUdp(one.protocol),
      )
    ) {
      issue("port", "Duplicate value: is an earlier port's number");
    }
  });
});

const ports = warnIf(portList, (list) =>
  list.flatMap(({ name }, index) => {
    if (name !== undefined || list.length === 1) return [];
    return [
      { at: [index], message: "has no name; Kubernetes asks for one where ports are several" },
    ];
  }),
);

const ignoredFields = [
  ...["clusterIP", "clusterIPs", "externalIPs", "externalTrafficPolicy", "healthCheckNodePort"],
  ...[
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerClass",
    "loadBalancerIP",
  ],
  ...["loadBalancerSourceRanges", "allocateLoadBalancerNodePorts", "publishNotReadyAddresses"],
  ...["sessionAffinity", "sessionAffinityConfig", "trafficDistribution"],
] as const;
type IgnoredField = (typeof ignoredFields)[number];

const type = warnIf(
  differing(
    "ExternalName makes another name: for a service of the mesh, if it ends in .svc or .svc.cluster.local, else for a host that DNS knows; NodePort and LoadBalancer concern a Kubernetes cluster",
    z.enum(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]).optional(),
  ),
  (written) =>
    written === "NodePort" || written === "LoadBalancer"
      ? `${written} has no effect: it concerns the network of a Kubernetes cluster`
      : undefined,
);

const spec = fields({
  type,
  ports: ports.optional(),
  selector: labels.optional(),
  externalName: fqdn.optional(),
  ...(Object.fromEntries(ignoredFields.map((name) => [name, ignored(CLUSTER_ONLY)])) as Record<
    IgnoredField,
    ReturnType<typeof ignored>
  >),
});

/** Kubernetes' Service: declares what a service's ports speak and which workloads serve them. */
export const ServiceSchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): ServiceDocument => {
    const { selector, externalName } = spec;
    return {
      kind: "Service",
      namespace,
      name,
      ports: (spec.ports ?? [])
        .filter(({ protocol }) => !isUdp(protocol))
        .map(({ port: number, name, targetPort, appProtocol }) => ({
          number,
          name,
          protocol: protocolOfServicePort({ number, name, appProtocol }),
          targetPort,
        })),
      selector: selector && Object.keys(selector).length > 0 ? selector : undefined,
      externalName: spec.type === "ExternalName" ? externalName : undefined,
    };
  },
);
