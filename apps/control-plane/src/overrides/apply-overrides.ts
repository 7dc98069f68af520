import type { InstanceOverrideDocument } from "@heddle/resources";
import type { KnownEndpoint } from "../snapshot/endpoint-set.ts";
import type { DocumentOf } from "../snapshot/mesh-document.ts";

type Override = DocumentOf<"InstanceOverride">;

/** Endpoints as people have set them by hand. Of several overrides of one the youngest holds. */
export function applyOverrides(
  known: readonly KnownEndpoint[],
  overrides: readonly Override[],
): KnownEndpoint[] {
  if (overrides.length === 0) return [...known];
  return known.map((one) => {
    const override = overrides.findLast(({ resource }) => isMeant(resource, one.endpoint));
    return override ? withOverride(one, override) : one;
  });
}

/** Whether an override is about this endpoint. */
export function isMeant(
  override: Pick<InstanceOverrideDocument, "namespace" | "workload" | "address" | "port">,
  { namespace, workload, address, port, ports = {} }: KnownEndpoint["endpoint"],
): boolean {
  return (
    override.namespace === namespace &&
    override.workload === workload &&
    override.address === address &&
    (override.port === undefined ||
      override.port === port ||
      Object.values(ports).includes(override.port))
  );
}

function withOverride(known: KnownEndpoint, override: Override): KnownEndpoint {
  const { weight, labels, locality } = override.resource;
  const endpoint = {
    ...known.endpoint,
    labels: { ...known.endpoint.labels, ...labels },
    ...(weight === undefined ? {} : { weight }),
    ...(locality === undefined ? {} : { locality }),
  };
  return { ...known, endpoint, override };
}
