import { isIP } from "node:net";
import { z } from "zod";
import type { DnsLookup, DnsSourceDocument } from "../documents/registry-documents.ts";
import { fields } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { count, dnsLabel, durationMs, labels, port, portName } from "./fields.ts";
import { protocolName, toProtocol } from "./protocols.ts";

/** No server is asked for one name more often. */
const LEAST_INTERVAL_MS = 1000;
const DEFAULT_MIN_INTERVAL_MS = 5_000;
const DEFAULT_MAX_INTERVAL_MS = 300_000;

// SRV names begin with underscores, which no host does.
const dnsName = z
  .string()
  .max(253)
  .regex(
    /^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/,
    'expected a name of the DNS, such as "db.example.com" or "_http._tcp.web.service.consul"',
  );

const server = z.string().refine((text) => {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const isAddress = isIP(match?.[1] ?? "") === 6 || isIP(match?.[2] ?? "") === 4;
  return isAddress && Number(match?.[3]) >= 1 && Number(match?.[3]) <= 65_535;
}, 'expected an IP address with a port, such as "127.0.0.1:8600" or "[::1]:53"');

const interval = durationMs.refine(
  (ms) => ms >= LEAST_INTERVAL_MS,
  "expected at least 1s: a server is not asked more often",
);

const lookup = fields({
  name: dnsName,
  type: z.enum(["A", "AAAA", "ADDRESS", "SRV"]).optional(),
  port: port.optional(),
  labels: labels.optional(),
  locality: z.string().min(1).max(191).optional(),
  weight: count({ max: 10_000 })
    .refine((value) => value > 0, "expected 1 to 10000")
    .optional(),
}).superRefine((written, context) => {
  const isSrv = typeOf(written) === "SRV";
  const issue = (field: string, message: string) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (isSrv && written.port !== undefined) issue("port", "is said by the SRV answer; leave it out");
  if (isSrv && written.weight !== undefined) {
    issue("weight", "is said by the SRV answer; leave it out");
  }
});

const spec = fields({
  service: dnsLabel.optional(),
  lookups: z.array(lookup).min(1, "expected at least one name to look up").max(16),
  port: fields({
    number: port,
    name: portName.optional(),
    protocol: protocolName.optional(),
  }),
  servers: z.array(server).max(8).optional(),
  minInterval: interval.optional(),
  maxInterval: interval.optional(),
}).superRefine(
  (
    { minInterval = DEFAULT_MIN_INTERVAL_MS, maxInterval = DEFAULT_MAX_INTERVAL_MS, lookups },
    context,
  ) => {
    if (minInterval > maxInterval) {
      const message = `is less than minInterval (${minInterval / 1000}s)`;
      context.addIssue({ code: "custom", path: ["maxInterval"], message });
    }
    const names = lookups.map((one) => `${typeOf(one)} ${one.name.toLowerCase()}`);
    names.forEach((name, index) => {
      if (names.indexOf(name) === index) return;
      const message = "is looked up by an earlier entry";
      context.addIssue({ code: "custom", path: ["lookups", index, "name"], message });
    });
  },
);

/** Heddle's own DnsSource: answers of the DNS as endpoints of a service. */
export const DnsSourceSchema = documentOf(spec)
  .superRefine(({ metadata, spec }, context) => {
    if (spec.service !== undefined || dnsLabel.safeParse(metadata.name).success) return;
    const message = "required, since the document's name is no name of a service";
    context.addIssue({ code: "custom", path: ["spec", "service"], message });
  })
  .transform(
    ({ metadata: { namespace, name }, spec }): DnsSourceDocument => ({
      kind: "DnsSource",
      namespace,
      name,
      service: spec.service ?? name,
      lookups: spec.lookups.map((one): DnsLookup => {
        const { labels = {}, locality, weight, port: own } = one;
        const type = typeOf(one);
        return { name: one.name, type, port: own ?? spec.port.number, labels, locality, weight };
      }),
      port: {
        number: spec.port.number,
        name: spec.port.name,
        protocol: toProtocol(spec.port.protocol),
      },
      servers: spec.servers ?? [],
      minIntervalMs: spec.minInterval ?? DEFAULT_MIN_INTERVAL_MS,
      maxIntervalMs: spec.maxInterval ?? DEFAULT_MAX_INTERVAL_MS,
    }),
  );

function typeOf(written: {
  readonly name: string;
  readonly type?: DnsLookup["type"] | undefined;
}): DnsLookup["type"] {
  return written.type ?? (written.name.startsWith("_") ? "SRV" : "ADDRESS");
}
