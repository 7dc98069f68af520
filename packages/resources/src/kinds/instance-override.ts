import { isIP } from "node:net";
import { z } from "zod";
import type { InstanceOverrideDocument } from "../documents/registry-documents.ts";
import { fields } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { count, documentName, labels } from "./fields.ts";
import { findHostFault } from "./hosts.ts";
import { moment } from "./moment.ts";

const ADDRESS =
  'expected an IP address or host name, with a port or without, such as "10.0.0.7:15006" or "[fd00::7]:15006"';

const address = z
  .string()
  .max(300)
  .transform((text, context) => {
    const split = splitAddress(text);
    if (split === undefined) {
      context.addIssue(ADDRESS);
      return z.NEVER;
    }
    return split;
  });

const spec = fields({
  workload: documentName,
  address,
  drain: z.boolean().optional(),
  weight: count({ max: 10_000 })
    .refine((value) => value > 0, "expected 1 to 10000; to take it out say drain: true")
    .optional(),
  labels: labels.optional(),
  locality: z.string().min(1).max(191).optional(),
  until: moment.optional(),
}).refine(
  ({ drain, weight, labels = {}, locality }) =>
    drain === true ||
    weight !== undefined ||
    locality !== undefined ||
    Object.keys(labels).length > 0,
  "says nothing; expected drain: true, weight, labels or locality",
);

/** Heddle's own InstanceOverride: what an operator has set for one instance. */
export const InstanceOverrideSchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): InstanceOverrideDocument => ({
    kind: "InstanceOverride",
    namespace,
    name,
    workload: spec.workload,
    address: spec.address.host,
    port: spec.address.port,
    isDrained: spec.drain === true,
    weight: spec.weight,
    labels: spec.labels ?? {},
    locality: spec.locality,
    untilMs: spec.until,
  }),
);

/** `10.0.0.7`, `10.0.0.7:80`, `host:80`, `fd00::7`, `[fd00::7]:80`. `undefined`: none of these. */
function splitAddress(
  text: string,
): { readonly host: string; readonly port: number | undefined } | undefined {
  if (isIP(text) !== 0) return { host: text, port: undefined };
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  const isHost = match?.[1] === undefined ? isIP(host) !== 0 || !findHostFault(host, false) : true;
  const isPort = port === undefined || (port >= 1 && port <= 65_535);
  const isBracketed = match?.[1] === undefined || isIP(host) === 6;
  return host !== "" && isHost && isPort && isBracketed ? { host, port } : undefined;
}
