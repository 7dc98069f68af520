import { z } from "zod";
import { isDnsLabel, parseServiceHost } from "../service-host.ts";

const unservedFields = new WeakSet<z.ZodType>();

/** An object of exactly these fields; others are refused with the list of those allowed. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const allowed = Object.entries(shape)
    .filter(([, schema]) => !unservedFields.has(schema as z.ZodType))
    .map(([name]) => name)
    .join(", ");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? `unknown field; allowed here: ${allowed}` : undefined,
  });
}

/** A field of Istio's that changes traffic and that Heddle does not serve yet: refused, never ignored. */
export function unserved(instead = "leave it out") {
  const schema = z.never({ error: `Heddle does not serve this field yet; ${instead}` }).optional();
  unservedFields.add(schema);
  return schema;
}

/** A field that may be there and changes nothing; the kind's own code warns where that matters. */
export function ignored() {
  return z.unknown().optional();
}

const DNS_LABEL_RULE = "expected lower-case letters, digits and hyphens, at most 63 (RFC 1123)";

export const dnsLabel = z.string().refine(isDnsLabel, DNS_LABEL_RULE);

// RFC 1123 subdomain: Kubernetes allows dots in the names of documents.
export const documentName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    "expected lower-case letters, digits, hyphens and dots (RFC 1123)",
  );

export const labels = z.record(z.string().min(1).max(317), z.string().max(63));

/** A host that names a service of the mesh. */
export const serviceHost = z.string().superRefine((host, context) => {
  if (host.includes("*")) {
    context.addIssue("Heddle does not serve wildcard hosts yet; name the service");
  } else if (parseServiceHost(host, "default") === undefined) {
    context.addIssue(
      "expected a service of the mesh: name, name.namespace or name.namespace.svc.cluster.local",
    );
  }
});

export const metadata = z.object({
  name: documentName,
  namespace: dnsLabel.default("default"),
  labels: labels.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

const DURATION = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|ns))+$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

/** `1.5s`, `250ms`, `1m30s` in milliseconds; at least 1 ms. */
export const durationMs = z.string().transform((text, context) => {
  if (!DURATION.test(text)) {
    context.addIssue('expected a duration such as "1.5s" or "250ms"');
    return z.NEVER;
  }
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g);
  const ms = [...parts].reduce(
    (sum, part) => sum + Number(part[1]) * (UNIT_MS[part[2] ?? ""] ?? 0),
    0,
  );
  if (ms < 1 || ms > 86_400_000) {
    context.addIssue("expected a duration from 1ms to 24h");
    return z.NEVER;
  }
  return Math.round(ms);
});
