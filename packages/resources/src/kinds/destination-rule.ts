import { z } from "zod";
import type { DestinationRule } from "../documents/routing-documents.ts";
import { readHost } from "../service-host.ts";
import { dnsLabel, fields, labels, metadata, serviceHost, unserved } from "./fields.ts";

// The one policy that says what Heddle does anyway: mutual TLS between sidecars.
const trafficPolicy = z
  .strictObject(
    { tls: z.strictObject({ mode: z.literal("ISTIO_MUTUAL") }) },
    {
      error:
        "Heddle does not serve trafficPolicy yet; leave it out (tls.mode ISTIO_MUTUAL alone is accepted: it is what happens anyway)",
    },
  )
  .optional();

const subset = fields({ name: dnsLabel, labels: labels.default({}), trafficPolicy });

const spec = fields({
  host: serviceHost,
  subsets: z
    .array(subset)
    .superRefine((list, context) => {
      list.forEach(({ name }, index) => {
        if (list.findIndex((other) => other.name === name) === index) return;
        const message = "is the name of an earlier subset; name each subset once";
        context.addIssue({ code: "custom", path: [index, "name"], message });
      });
    })
    .optional(),
  trafficPolicy,
  exportTo: z
    .array(
      z.literal("*", {
        error: 'Heddle shows every document to the whole mesh; only "*" is served',
      }),
    )
    .optional(),
  workloadSelector: unserved(),
});

export const DestinationRuleSchema = z
  .object({ metadata, spec })
  .transform(({ metadata: { namespace, name }, spec }): DestinationRule => {
    return {
      kind: "DestinationRule",
      namespace,
      name,
      ...readHost(spec.host, namespace),
      visibleTo: "*",
      workloadSelector: undefined,
      trafficPolicy: undefined,
      subsets: (spec.subsets ?? []).map(({ name, labels }) => ({ name, labels })),
    };
  });
