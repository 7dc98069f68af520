import { z } from "zod";
import type { WorkloadEntry } from "../documents/registry-documents.ts";
import { fields, ignored, labels, metadata, unserved } from "./fields.ts";

const port = z.number().int().min(1).max(65_535);

const spec = fields({
  address: z
    .string()
    .regex(/^[\w.:-]+$/, "expected an IP address or a host name")
    .max(253),
  labels: labels.default({}),
  ports: z
    .record(z.string(), port)
    .refine((ports) => Object.keys(ports).length <= 1, "expected one port at most")
    .default({}),
  serviceAccount: ignored(),
  locality: ignored(),
  network: ignored(),
  weight: unserved(),
});

export const WorkloadEntrySchema = z
  .object({ metadata, spec })
  .transform(({ metadata: { namespace, name }, spec }): WorkloadEntry => {
    const [port] = Object.values(spec.ports);
    return {
      kind: "WorkloadEntry",
      namespace,
      name,
      address: spec.address,
      labels: spec.labels,
      ports: spec.ports,
      locality: undefined,
      weight: undefined,
      network: undefined,
      serviceAccount: undefined,
      port,
    };
  });
