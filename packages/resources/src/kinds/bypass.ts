import { z } from "zod";
import type { BypassDocument } from "../documents/mesh-documents.ts";
import { fields } from "../schema/field-status.ts";
import { readHost } from "../service-host.ts";
import { documentOf } from "./document-schema.ts";
import { dnsLabel } from "./fields.ts";
import { fqdn } from "./hosts.ts";
import { moment } from "./moment.ts";

const spec = fields({
  source: fields({ service: dnsLabel.optional(), workload: dnsLabel.optional() })
    .refine(
      ({ service, workload }) => service !== undefined || workload !== undefined,
      "expected a service or a workload of the document's own namespace, which calls",
    )
    .optional(),
  destination: fields({ host: fqdn }).optional(),
  workload: dnsLabel.optional(),
  includeAuthorization: z.boolean().optional(),
  until: moment,
}).superRefine(({ source, destination, workload, includeAuthorization }, context) => {
  const isPair = source !== undefined && destination !== undefined;
  const isHalf = source !== undefined || destination !== undefined;
  if (isPair ? workload !== undefined : isHalf || workload === undefined) {
    context.addIssue("expected either source and destination, or workload");
  }
  if (includeAuthorization === true && workload === undefined) {
    context.addIssue({
      code: "custom",
      path: ["includeAuthorization"],
      message:
        "is for a workload's bypass alone: of a pair, the destination's policies always stay",
    });
  }
});

/** Heddle's own Bypass: a pair of services, or a workload, off the mesh's rules for a while. */
export const BypassSchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): BypassDocument => {
    const { source, destination, workload, includeAuthorization = false } = spec;
    return {
      kind: "Bypass",
      namespace,
      name,
      target:
        source && destination
          ? {
              kind: "pair",
              source: { namespace, service: source.service, workload: source.workload },
              destination: readHost(destination.host, namespace),
            }
          : {
              kind: "workload",
              workload: workload ?? "",
              includesAuthorization: includeAuthorization,
            },
      untilMs: spec.until,
    };
  },
);
