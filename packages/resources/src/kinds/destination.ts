import { z } from "zod";
import type { HostRef } from "../documents/document.ts";
import { fields, warnIf } from "../schema/field-status.ts";
import { readHost } from "../service-host.ts";
import { dnsLabel, port } from "./fields.ts";
import { findHostFault, wildcardHost } from "./hosts.ts";

const MAX_WEIGHT_SUM = 2 ** 32 - 1; // Envoy's cap on the weights of one route

const destinationHost = wildcardHost.refine(
  (host) => host !== "*",
  "invalid destination host *; name the service",
);

/** Istio's Destination: whom a route, mirror or rule sends to. */
export const destination = warnIf(
  fields({
    host: destinationHost,
    subset: dnsLabel.optional(),
    port: fields({ number: port.optional() }).optional(),
  }),
  ({ host }) =>
    host.includes("*") && findHostFault(host, true) === undefined
      ? "a wildcard host names no endpoints: every request that comes here answers 503"
      : undefined,
);

export const weight = count32("weight").optional();

function count32(what: string) {
  return z
    .number()
    .refine(
      (value) => Number.isInteger(value) && value >= 0 && value <= 2 ** 31 - 1,
      `expected 0 or more (a whole ${what})`,
    );
}

/** The weights of a route: one destination takes all; of several, one at least must weigh something. */
export function checkWeights(
  list: readonly { readonly weight?: number | undefined }[],
  context: z.RefinementCtx,
): void {
  if (list.length <= 1) return;
  const sum = list.reduce((total, { weight }) => total + (weight ?? 0), 0);
  if (sum === 0)
    context.addIssue("total destination weight = 0; give at least one a weight above 0");
  if (sum > MAX_WEIGHT_SUM)
    context.addIssue(`total destination weight ${sum} is above ${MAX_WEIGHT_SUM}`);
}

/** In Istio only one destination may leave its weight out; of several, such a one gets nothing. */
export function warnOfWeights(list: readonly { readonly weight?: number | undefined }[]) {
  if (list.length <= 1) return undefined;
  return list.flatMap(({ weight }, index) => {
    if (weight !== undefined) return [];
    const message = "has no weight beside others that have: it gets no traffic; give it one, or 0";
    return [{ at: [index], message }];
  });
}

/** A destination as a document of `namespace` means it. */
export function readDestination(
  written: z.output<typeof destination>,
  namespace: string,
): HostRef & { readonly subset: string | undefined; readonly port: number | undefined } {
  return {
    ...readHost(written.host, namespace),
    subset: written.subset,
    port: written.port?.number,
  };
}
