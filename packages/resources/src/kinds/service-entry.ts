import { isIP } from "node:net";
import { z } from "zod";
import type { DeclaredPort, ServiceEntry } from "../documents/registry-documents.ts";
import { differing, fields, warnIf } from "../schema/field-status.ts";
import { readHost } from "../service-host.ts";
import { documentOf } from "./document-schema.ts";
import { entryEndpoint, toEntryEndpoint } from "./entry-endpoint.ts";
import { cidr, port, portName, selectorLabels } from "./fields.ts";
import { exportTo, findHostFault, readVisibility, wildcardHost } from "./hosts.ts";
import { isUdp, protocolName, toProtocol } from "./protocols.ts";

const RESOLUTIONS = ["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"] as const;

const ports = z
  .array(
    fields({
      number: port,
      name: portName,
      protocol: protocolName.optional(),
      targetPort: port.optional(),
    }),
  )
  .max(256)
  .superRefine((list, context) => {
    list.forEach((one, index) => {
      const earlier = list.slice(0, index);
      const issue = (field: string, message: string) =>
        context.addIssue({ code: "custom", path: [index, field], message });
      if (earlier.some(({ name }) => name === one.name)) {
        issue(
          "name",
          `Duplicate value: service entry port name ${JSON.stringify(one.name)} already defined`,
        );
      }
      if (earlier.some(({ number }) => number === one.number)) {
        issue("number", `port number cannot be duplicated: ${one.number} is an earlier port's`);
      }
    });
  });

const host = wildcardHost.refine(
  (text) => text !== "*",
  "hostname cannot be wildcard; name a domain",
);

const shape = {
  hosts: z.array(host).min(1, "service entry must have at least one host").max(256),
  addresses: z.array(cidr).max(256).optional(),
  ports: ports.optional(),
  location: z.enum(["MESH_EXTERNAL", "MESH_INTERNAL"]).optional(),
  resolution: z.enum(RESOLUTIONS).optional(),
  endpoints: z.array(entryEndpoint).max(4096).optional(),
  workloadSelector: fields({ labels: selectorLabels.optional() }).optional(),
  exportTo,
  subjectAltNames: z.array(z.string().min(1)).optional(),
};
const entryFields = fields({
  ...shape,
  addresses: differing(
    "an address is asked for by name or as the request's target; entries never share a listener, so none takes another's port",
    shape.addresses,
  ),
});
type Spec = z.output<typeof entryFields>;

const spec = warnIf(
  entryFields.superRefine((written, context) => {
    for (const { at, message } of findFaults(written)) {
      context.addIssue({ code: "custom", path: [...at], message });
    }
  }),
  (written) => warnOf(written),
);

type Remark = { readonly at: readonly PropertyKey[]; readonly message: string };

function findFaults(written: Spec): Remark[] {
  const { hosts, addresses = [], endpoints, workloadSelector, resolution = "NONE" } = written;
  const faults: Remark[] = [];
  const add = (message: string, ...at: PropertyKey[]) => faults.push({ at, message });
  if (workloadSelector !== undefined && endpoints !== undefined) {
    add("only one of WorkloadSelector or Endpoints can be set");
  }
  const isFixed = resolution === "NONE" || resolution === "STATIC";
  if (!isFixed && addresses.some((address) => address.includes("/"))) {
    add("CIDR addresses are allowed only for NONE/STATIC resolution types", "addresses");
  }
  if (resolution === "NONE" && endpoints !== undefined) {
    add("NONE mode cannot set endpoints; set resolution to STATIC or DNS", "endpoints");
  }
  if (resolution === "DNS_ROUND_ROBIN" && (endpoints ?? []).length > 1) {
    add("DNS_ROUND_ROBIN mode cannot have multiple endpoints", "endpoints");
  }
  if (resolution.startsWith("DNS") && (endpoints ?? []).length === 0) {
    hosts.forEach((name, index) => {
      if (workloadSelector === undefined && findHostFault(name, false)) {
        add(
          `hosts must be FQDN if no endpoints are provided for resolution mode ${resolution}`,
          "hosts",
          index,
        );
      }
    });
  }
  faults.push(...findEndpointFaults(written), ...findHostFaults(written));
  return faults;
}

function findEndpointFaults({ endpoints = [], ports = [], resolution }: Spec): Remark[] {
  const names = new Set(ports.map(({ name }) => name));
  return endpoints.flatMap(({ address = "", ports: own = {} }, index): Remark[] => {
    const isName = address !== "" && isIP(address) === 0 && !address.startsWith("unix://");
    const unknown = Object.keys(own).filter((name) => !names.has(name));
    return [
      ...(isName && resolution === "STATIC"
        ? [
            {
              at: ["endpoints", index, "address"],
              message:
                "endpoint address is not a valid IP address; resolution STATIC looks up no names, use DNS",
            },
          ]
        : []),
      ...unknown.map((name) => ({
        at: ["endpoints", index, "ports", name],
        message: `endpoint port ${name} is not defined by the service entry; its ports: ${[...names].join(", ") || "none"}`,
      })),
    ];
  });
}

/** A plain TCP connection does not say which of several hosts it means. */
function findHostFaults({ hosts, ports = [], resolution = "NONE" }: Spec): Remark[] {
  if (resolution === "NONE" || hosts.length < 2) return [];
  const isPlain = ports.some(
    ({ protocol }) => protocol && ["tcp", "auto"].includes(toProtocol(protocol)),
  );
  if (!isPlain) return [];
  return [
    {
      at: ["hosts"],
      message: "multiple hosts provided with non-HTTP, non-TLS ports; write an entry for each",
    },
  ];
}

function warnOf(written: z.input<typeof entryFields>): Remark[] {
  const { ports = [], addresses = [], workloadSelector, resolution = "NONE", hosts } = written;
  const warnings: Remark[] = [];
  if (workloadSelector !== undefined && Object.keys(workloadSelector.labels ?? {}).length === 0) {
    const message =
      "workload selector specified without labels: every workload of the namespace serves it";
    warnings.push({ at: ["workloadSelector"], message });
  }
  if (workloadSelector !== undefined && resolution !== "STATIC") {
    const message = `workloadSelector should not be set when resolution mode is ${resolution}; set STATIC`;
    warnings.push({ at: ["workloadSelector"], message });
  }
  ports.forEach(({ protocol, targetPort }, index) => {
    const at = ["ports", index];
    if (isUdp(protocol)) {
      warnings.push({
        at: [...at, "protocol"],
        message: "Heddle carries no UDP: this port is not served",
      });
    }
    if (targetPort !== undefined && resolution === "NONE") {
      const message = "has no effect when resolution mode is NONE";
      warnings.push({ at: [...at, "targetPort"], message });
    }
    const needsPort = toProtocol(protocol) === "tcp" && addresses.length === 0;
    if (needsPort && !isUdp(protocol)) {
      const message = `TCP says no host name: reach it by a port of its own (heddle run --outbound ${hosts[0]}:${ports[index]?.number}=PORT)`;
      warnings.push({ at, message });
    }
  });
  hosts.forEach((name, index) => {
    if (!/^\*[^.]/.test(name)) return;
    const message = "a partial wildcard matches names with that ending, whatever stands before it";
    warnings.push({ at: ["hosts", index], message });
  });
  return warnings;
}

export const ServiceEntrySchema = documentOf(spec)
  .superRefine(({ metadata: { namespace }, spec }, context) => {
    const { fault } = readVisibility(spec.exportTo, namespace, true);
    if (fault) context.addIssue({ code: "custom", path: ["spec", "exportTo"], message: fault });
  })
  .transform(({ metadata: { namespace, name }, spec }): ServiceEntry => {
    return {
      kind: "ServiceEntry",
      namespace,
      name,
      hosts: spec.hosts.map((text) => readHost(text, namespace)),
      addresses: spec.addresses ?? [],
      ports: (spec.ports ?? []).filter(({ protocol }) => !isUdp(protocol)).map(toPort),
      location: spec.location ?? "MESH_EXTERNAL",
      resolution: spec.resolution ?? "NONE",
      endpoints: (spec.endpoints ?? []).map(toEntryEndpoint),
      workloadSelector: spec.workloadSelector && (spec.workloadSelector.labels ?? {}),
      visibleTo: readVisibility(spec.exportTo, namespace, true).visibleTo,
      subjectAltNames: spec.subjectAltNames ?? [],
    };
  });

function toPort(port: NonNullable<Spec["ports"]>[number]): DeclaredPort {
  const { number, name, protocol, targetPort } = port;
  return { number, name, protocol: toProtocol(protocol), targetPort };
}
