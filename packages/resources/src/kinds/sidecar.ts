import { isIP } from "node:net";
import { z } from "zod";
import type { EgressHost, Sidecar } from "../documents/registry-documents.ts";
import { fields, unserved, warnIf, withoutEffect } from "../schema/field-status.ts";
import { connectionPool, inboundConnectionPool } from "./connection-pool.ts";
import { documentOf } from "./document-schema.ts";
import { dnsLabel, port, portName, selectorLabels } from "./fields.ts";
import { findHostFault } from "./hosts.ts";
import { protocolName, toProtocol } from "./protocols.ts";

const CAPTURE =
  "Heddle intercepts nothing: an app reaches the mesh by HTTP_PROXY or a port of its own";
const captureMode = withoutEffect(CAPTURE, z.enum(["DEFAULT", "IPTABLES", "NONE"]).optional());
const noTargetPort = unserved(
  "targetPort has no impact on Sidecars, as in Istio; use defaultEndpoint",
);
const OWN_PORTS =
  "the ports where a proxy listens are its own configuration (heddle run, proxy --config)";

const address = z
  .string()
  .refine((text) => text === "" || isIP(text) !== 0, "expected an IP address");

const portFields = {
  name: portName.optional(),
  protocol: protocolName.optional(),
  targetPort: noTargetPort,
};

const defaultEndpoint = z.string().superRefine((text, context) => {
  if (text === "" || /^unix:\/\/[/@].*[^/]$/.test(text)) return undefined;
  const [, host = "", digits] = /^(\[[^\]]*\]|[^:[\]]*):(\d+)$/.exec(text) ?? [];
  const number = Number(digits ?? 0);
  if (!["", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"].includes(host) || digits === undefined) {
    return context.addIssue(
      "sidecar: defaultEndpoint must be of form 127.0.0.1:<port>,0.0.0.0:<port>,[::1]:port,[::]:port,unix://filepath or unset",
    );
  }
  if (number < 1 || number > 65_535) context.addIssue("port must be between 1-65535");
  return undefined;
});

const ingress = fields({
  port: fields({ number: port, ...portFields }),
  bind: withoutEffect(OWN_PORTS, address.optional()),
  captureMode,
  defaultEndpoint: defaultEndpoint.optional(),
  tls: unserved(
    "Heddle ends no TLS of its own at an ingress listener; callers in the mesh come with mTLS",
  ),
  connectionPool: connectionPool.optional(),
});

const egressHost = z.string().superRefine((text, context) => {
  const fault = findEgressFault(text);
  if (fault) context.addIssue(fault);
});

function findEgressFault(text: string): string | undefined {
  const slash = text.indexOf("/");
  if (slash < 0)
    return "host must be of form namespace/dnsName, such as ./*, shop/* or */reviews.shop.svc.cluster.local";
  const [namespace, host] = [text.slice(0, slash), text.slice(slash + 1)];
  if (namespace === "" || host === "")
    return "config namespace and dnsName in host entry cannot be empty";
  const bare = namespace.length > 1 ? namespace.replace(/^~/, "") : namespace;
  if (!["*", ".", "~"].includes(bare) && !dnsLabel.safeParse(bare).success) {
    return "invalid namespace value; expected a namespace, ., * or ~ (or ~namespace to exclude)";
  }
  if (namespace === "~" && host !== "*") return "~ selects nothing and must be written ~/*";
  return findHostFault(host, true);
}

const egress = fields({
  port: withoutEffect(
    "the hosts of all listeners are reachable at every port",
    fields({ number: port, ...portFields }).optional(),
  ),
  bind: withoutEffect(OWN_PORTS, address.optional()),
  captureMode,
  hosts: z.array(egressHost).min(1, "sidecar: egress listener must contain at least one host"),
});

const shape = fields({
  workloadSelector: fields({ labels: selectorLabels.optional() }).optional(),
  ingress: withoutEffect(OWN_PORTS, z.array(ingress).optional()),
  egress: z.array(egress).optional(),
  inboundConnectionPool: inboundConnectionPool.optional(),
  outboundTrafficPolicy: fields({
    mode: z.enum(["REGISTRY_ONLY", "ALLOW_ANY"]).optional(),
    egressProxy: unserved("Heddle has no egress proxy; route the host by a VirtualService"),
  }).optional(),
});
type Spec = z.output<typeof shape>;

const spec = warnIf(
  shape.superRefine((written, context) => {
    for (const { at, message } of findFaults(written)) {
      context.addIssue({ code: "custom", path: [...at], message });
    }
  }),
  ({ workloadSelector, outboundTrafficPolicy, egress = [] }) => [
    ...(workloadSelector && Object.keys(workloadSelector.labels ?? {}).length === 0
      ? [
          {
            at: ["workloadSelector"],
            message:
              "workload selector specified without labels: it holds for every workload of its namespace",
          },
        ]
      : []),
    ...(outboundTrafficPolicy && outboundTrafficPolicy.mode === undefined
      ? [
          {
            at: ["outboundTrafficPolicy"],
            message: "mode is not given, which means REGISTRY_ONLY: unknown hosts are refused",
          },
        ]
      : []),
    ...egress.flatMap(({ hosts }, index) =>
      hosts.includes("*/*") && hosts.length > 1
        ? [
            {
              at: ["egress", index, "hosts"],
              message: "`*/*` host select all resources, no other hosts can be added",
            },
          ]
        : [],
    ),
  ],
);

type Remark = { readonly at: readonly PropertyKey[]; readonly message: string };

function findFaults(written: Spec): Remark[] {
  const { ingress = [], egress = [], outboundTrafficPolicy, inboundConnectionPool } = written;
  if (ingress.length + egress.length === 0 && !outboundTrafficPolicy && !inboundConnectionPool) {
    return [
      {
        at: [],
        message:
          "sidecar: empty configuration provided; give egress, ingress, outboundTrafficPolicy or inboundConnectionPool",
      },
    ];
  }
  const portless = egress.flatMap(({ port }, index) => (port === undefined ? [index] : []));
  return [
    ...findTwinPorts("ingress", ingress),
    ...findTwinPorts("egress", egress),
    ...portless.slice(0, -1).map((index) => ({
      at: ["egress", index],
      message: "sidecar: egress can have only one listener with empty port",
    })),
    ...portless
      .slice(-1)
      .filter((index) => index !== egress.length - 1)
      .map((index) => ({
        at: ["egress", index],
        message:
          "sidecar: the egress listener with empty port should be the last listener in the list",
      })),
  ];
}

function findTwinPorts(
  field: string,
  listeners: readonly { readonly port?: { readonly number: number } | undefined }[],
): Remark[] {
  const numbers = listeners.map(({ port }) => port?.number);
  return numbers.flatMap((number, index) => {
    if (number === undefined || numbers.indexOf(number) === index) return [];
    const at = [field, index, "port", "number"];
    return [{ at, message: "sidecar: ports on IP bound listeners must be unique" }];
  });
}

export const SidecarSchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): Sidecar => {
    const labels = spec.workloadSelector?.labels ?? {};
    const { outboundTrafficPolicy } = spec;
    return {
      kind: "Sidecar",
      namespace,
      name,
      workloadSelector: Object.keys(labels).length > 0 ? labels : undefined,
      ingress: (spec.ingress ?? []).map((one) => ({
        port: {
          number: one.port.number,
          name: one.port.name,
          protocol: toProtocol(one.port.protocol),
        },
        bind: one.bind || undefined,
        defaultEndpoint: one.defaultEndpoint || undefined,
        connectionPool: one.connectionPool,
      })),
      egress: spec.egress?.map((one) => ({
        port: one.port && { number: one.port.number, protocol: toProtocol(one.port.protocol) },
        bind: one.bind || undefined,
        hosts: one.hosts.map((text) => readEgressHost(text, namespace)),
      })),
      outboundTrafficPolicy:
        outboundTrafficPolicy && (outboundTrafficPolicy.mode ?? "REGISTRY_ONLY"),
      inboundConnectionPool: spec.inboundConnectionPool,
    };
  },
);

function readEgressHost(text: string, own: string): EgressHost {
  const slash = text.indexOf("/");
  const written = text.slice(0, slash);
  const isExcluded = written.length > 1 && written.startsWith("~");
  const namespace = isExcluded ? written.slice(1) : written;
  return {
    namespace: namespace === "." ? own : namespace,
    host: text.slice(slash + 1).toLowerCase(),
    isExcluded,
  };
}
