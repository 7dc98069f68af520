import { isIP } from "node:net";
import { z } from "zod";
import type { EntryEndpoint } from "../documents/registry-documents.ts";
import { fields, warnIf, withoutEffect } from "../schema/field-status.ts";
import { count, labels, port, portName } from "./fields.ts";
import { findHostFault } from "./hosts.ts";

const UNIX = "unix://";
const OTHER_NETWORKS =
  "Heddle reaches every address directly; there are no gateways between networks";

const address = z
  .string()
  .max(256)
  .superRefine((text, context) => {
    if (!text.startsWith(UNIX)) {
      const fault = text === "" || isIP(text) !== 0 ? undefined : findHostFault(text, false);
      if (fault) context.addIssue(`is not a valid FQDN or an IP address: ${fault}`);
      return;
    }
    if (!/^[/@]/.test(text.slice(UNIX.length))) {
      context.addIssue(
        "UDS must be an absolute path or abstract socket: unix:///path or unix://@name",
      );
    } else if (text.endsWith("/")) context.addIssue("UDS may not be a dir; name the socket");
  });

const endpointFields = {
  address: address.optional(),
  ports: z
    .record(portName, port)
    .refine((ports) => Object.keys(ports).length <= 128, "expected at most 128 ports")
    .optional(),
  labels: labels.optional(),
  network: withoutEffect(OTHER_NETWORKS, z.string().max(2048).optional()),
  locality: z.string().max(2048).optional(),
  weight: count().optional(),
  serviceAccount: withoutEffect(
    "an endpoint without proxy has no certificate, and so no identity",
    z.string().max(253).optional(),
  ),
};

/** WorkloadEntry's spec, which ServiceEntry's endpoints share. */
export const entryEndpoint = warnIf(
  fields(endpointFields)
    .refine(
      ({ address, network }) => !!address || !!network,
      "Address is required: expected an IP address, a host name or unix:///path (or a network)",
    )
    .refine(
      ({ address = "", ports }) => !address.startsWith(UNIX) || ports === undefined,
      "UDS may not include ports; leave them out",
    ),
  ({ address = "", weight }) => {
    if (address === "") return "address is unset: the entry serves nothing";
    if (address.startsWith(UNIX))
      return "Heddle connects by TCP: an entry with a socket serves nothing";
    return weight === 0
      ? "weight is 0, which means the default (1) and not none at all"
      : undefined;
  },
);

/** A WorkloadGroup's template: as above, the address comes later. */
export const endpointTemplate = fields(endpointFields).refine(
  ({ address = "", ports }) => !address.startsWith(UNIX) || ports === undefined,
  "UDS may not include ports; leave them out",
);

export function toEntryEndpoint(written: z.output<typeof entryEndpoint>): EntryEndpoint {
  return {
    address: written.address ?? "",
    ports: written.ports ?? {},
    labels: written.labels ?? {},
    locality: written.locality || undefined,
    weight: written.weight || undefined,
    network: written.network || undefined,
    serviceAccount: written.serviceAccount || undefined,
  };
}
