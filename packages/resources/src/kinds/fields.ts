import { isIP } from "node:net";
import { z } from "zod";
import { fields } from "../schema/field-status.ts";
import { isDnsLabel } from "../service-host.ts";

const MAX_UINT32 = 2 ** 32 - 1;
/** What a timer can hold (24.8 days); a longer duration is as good as this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

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

const labelKey = z
  .string()
  .regex(
    /^([a-zA-Z0-9]([-a-zA-Z0-9.]{0,251}[a-zA-Z0-9])?\/)?[a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?$/,
    "expected a label: letters, digits, -, _ and . (at most 63), with or without a prefix and /",
  );
const labelValue = z
  .string()
  .regex(
    /^([a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?)?$/,
    "expected a label value: letters, digits, -, _ and ., at most 63",
  );
export const labels = z.record(labelKey, labelValue);

/** Labels that select: no wildcards. An empty map selects all. */
export const selectorLabels = z
  .record(z.string(), z.string().max(63))
  .superRefine((map, context) => {
    for (const [key, value] of Object.entries(map)) {
      const issue = (message: string) => context.addIssue({ code: "custom", path: [key], message });
      if (key.includes("*")) {
        issue("wildcard is not supported in selector (wildcard not allowed in label key match)");
      } else if (value.includes("*")) {
        issue("wildcard is not supported in selector (wildcard not allowed in label value match)");
      } else if (key === "") issue("empty key is not supported in selector: key must not be empty");
    }
  });

export const metadata = z.object({
  name: documentName,
  namespace: dnsLabel.default("default"),
  labels: labels.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

const PORT_RULE = "port must be between 1-65535";
export const port = z.number().refine(isPort, PORT_RULE);
/** A port where 0 stands for "not given", as in all of Istio's optional ports. */
export const portOrNone = z
  .number()
  .refine((value) => value === 0 || isPort(value), PORT_RULE)
  .transform((value) => (value === 0 ? undefined : value));
export const portName = z
  .string()
  .regex(
    /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/,
    "invalid port name: expected letters, digits and hyphens, at most 63",
  );

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** A whole number, 0 or more. */
export function count(options: { readonly max?: number; readonly message?: string } = {}) {
  const { max = MAX_UINT32 } = options;
  const message = options.message ?? `expected a whole number from 0 to ${max}`;
  return z
    .number()
    .refine((value) => Number.isInteger(value) && value >= 0 && value <= max, message);
}

/** A whole number where 0 means "not given": Istio cannot tell the two apart. */
export function countOrUnset(message: string) {
  return count({ message }).transform((value) => (value === 0 ? undefined : value));
}

/** Istio's Percent, `{value: 12.5}`; no value means 0. As a ratio of 0–1. */
export const percentBlock = fields({
  value: z
    .number()
    .refine(
      (value) => value === 0 || (value >= 0.0001 && value <= 100),
      "is neither 0 nor in range [0.0001, 100]",
    )
    .optional(),
}).transform(({ value }) => (value ?? 0) / 100);

const DURATION = /^\+?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)/g;
const UNIT_NS: Readonly<Record<string, number>> = {
  h: 3_600_000_000_000,
  m: 60_000_000_000,
  s: 1_000_000_000,
  ms: 1_000_000,
  us: 1000,
  µs: 1000,
  μs: 1000,
  ns: 1,
};

/** Go's durations (`1.5s`, `250ms`, `1m30s`) in whole milliseconds, at least `leastMs`. */
function duration(leastMs: 0 | 1) {
  return z.string().transform((text, context) => {
    const ms = parseDurationMs(text);
    if (ms === undefined || ms < leastMs) {
      const rule =
        leastMs === 0 ? "must be a valid duration" : "must be a valid duration greater than 1ms";
      context.addIssue(`${rule}, such as "1.5s", "250ms" or "1m30s"`);
      return z.NEVER;
    }
    if (!Number.isInteger(ms)) {
      context.addIssue("only durations to ms precision are supported; round it to milliseconds");
      return z.NEVER;
    }
    return Math.min(ms, MAX_TIMER_MS);
  });
}
export const durationMs = duration(1);
/** Where 0 switches something off. */
export const durationOrZeroMs = duration(0);

/** `undefined`: no duration as Go writes them. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (text.length > 64 || !DURATION.test(text)) return undefined;
  const ns = [...text.matchAll(PART)].reduce(
    (sum, part) => sum + Number(part[1]) * (UNIT_NS[part[2] ?? ""] ?? 0),
    0,
  );
  return Math.round(ns) / 1_000_000;
}

/** `10.0.0.1` or `10.0.0.0/8`, of either family. */
export function isIpOrCidr(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
export const cidr = z
  .string()
  .refine(isIpOrCidr, 'expected an IP address or CIDR such as "10.0.0.1" or "10.0.0.0/8"');

/** A text that is not empty; the message is Istio's own. */
export const someText = z.string().min(1);
