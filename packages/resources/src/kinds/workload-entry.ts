import { z } from "zod";
import type { WorkloadEntry, WorkloadGroup } from "../documents/registry-documents.ts";
import { fields, withoutEffect } from "../schema/field-status.ts";
import { documentOf } from "./document-schema.ts";
import { endpointTemplate, entryEndpoint, toEntryEndpoint } from "./entry-endpoint.ts";
import { count, labels, port } from "./fields.ts";

export const WorkloadEntrySchema = documentOf(entryEndpoint).transform(
  ({ metadata: { namespace, name }, spec }): WorkloadEntry => {
    const endpoint = toEntryEndpoint(spec);
    const [port] = Object.values(endpoint.ports);
    return { kind: "WorkloadEntry", namespace, name, ...endpoint, port };
  },
);

const seconds = count({
  max: 2 ** 31 - 1,
  message: "expected a whole number, 0 or more",
}).optional();

const probe = fields({
  httpGet: fields({
    path: z.string().optional(),
    port,
    host: z.string().optional(),
    scheme: z
      .enum(["", "HTTP", "HTTPS"], { error: "scheme must be one of [HTTP, HTTPS]" })
      .optional(),
    httpHeaders: z
      .array(
        fields({
          name: z.string().regex(/^[-_A-Za-z0-9]+$/),
          value: z.string().optional(),
        }),
      )
      .optional(),
  }).optional(),
  tcpSocket: fields({ host: z.string().optional(), port }).optional(),
  exec: fields({
    command: z.array(z.string().min(1)).min(1, "exec.command is required"),
  }).optional(),
  grpc: fields({ port: port.optional(), service: z.string().optional() }).optional(),
  initialDelaySeconds: seconds,
  timeoutSeconds: seconds,
  periodSeconds: seconds,
  successThreshold: seconds,
  failureThreshold: seconds,
}).superRefine((written, context) => {
  const methods = [written.httpGet, written.tcpSocket, written.exec, written.grpc];
  const { length } = methods.filter((method) => method !== undefined);
  if (length !== 1) context.addIssue("expected one of httpGet, tcpSocket, exec and grpc");
});

const SELF_MADE = "a Heddle proxy registers its workload by itself, without a template";

const groupSpec = fields({
  metadata: withoutEffect(
    SELF_MADE,
    fields({
      labels: labels.optional(),
      annotations: z.record(z.string(), z.string()).optional(),
    }).optional(),
  ),
  template: withoutEffect(SELF_MADE, endpointTemplate),
  probe: withoutEffect("whether a workload is ready is for its proxy to say", probe.optional()),
});

export const WorkloadGroupSchema = documentOf(groupSpec).transform(
  ({ metadata: { namespace, name }, spec }): WorkloadGroup => {
    const { address: _, ...template } = toEntryEndpoint(spec.template);
    return {
      kind: "WorkloadGroup",
      namespace,
      name,
      labels: spec.metadata?.labels ?? {},
      template,
    };
  },
);
