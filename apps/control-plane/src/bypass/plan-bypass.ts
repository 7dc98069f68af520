import type { BypassTarget } from "@heddle/contracts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf } from "../snapshot/mesh-document.ts";
import { hostOf } from "../snapshot/service-host.ts";

/** All bypasses, those that end first before the others. */
export function bypassesOf({ documents }: ConfigSnapshot): DocumentOf<"Bypass">[] {
  return [...documents.values()]
    .filter((one) => isOf(one, "Bypass"))
    .sort((a, b) => a.resource.untilMs - b.resource.untilMs);
}

/** The bypass of a target until a moment: a new document, or the target's own with another end. */
export function planBypass(
  snapshot: ConfigSnapshot,
  target: BypassTarget,
  untilMs: number,
): PlannedDocument {
  const spec = { ...specOf(target), until: new Date(untilMs).toISOString() };
  const namespace = target.kind === "pair" ? target.source.namespace : target.namespace;
  const own = bypassesOf(snapshot).find(
    ({ resource }) =>
      JSON.stringify(keyOf(targetOf(resource, snapshot))) === JSON.stringify(keyOf(target)),
  );
  const metadata = { name: own?.resource.name ?? nameOf(target), namespace };
  const document = { apiVersion: "heddle.dev/v1", kind: "Bypass", metadata, spec };
  const after = parseOne(JSON.stringify(document)); // JSON is YAML; it is printed in the one way
  return { ref: after.resource, after };
}

/** Whom a document takes off the rules, as the API tells it. */
export function targetOf(
  { namespace, target }: DocumentOf<"Bypass">["resource"],
  { hosts }: ConfigSnapshot,
): BypassTarget {
  if (target.kind === "workload") {
    const { workload, includesAuthorization } = target;
    return {
      ...{ kind: "workload", namespace, workload },
      ...(includesAuthorization ? { includeAuthorization: true } : {}),
    };
  }
  const { service, workload } = target.source;
  const destination = hosts.ofRef(target.destination, namespace);
  return {
    kind: "pair",
    source: {
      namespace: target.source.namespace,
      ...(service === undefined ? {} : { service }),
      ...(workload === undefined ? {} : { workload }),
    },
    destination: { namespace: destination.namespace, service: destination.name },
  };
}

function specOf(target: BypassTarget): object {
  if (target.kind === "workload") {
    const { workload, includeAuthorization } = target;
    return { workload, ...(includeAuthorization === true ? { includeAuthorization } : {}) };
  }
  const { namespace: _, ...source } = target.source;
  const { namespace, service } = target.destination;
  return { source, destination: { host: hostOf({ namespace, name: service }) } };
}

/** What makes two targets the same. */
function keyOf(target: BypassTarget): unknown {
  if (target.kind === "workload") return [target.namespace, target.workload];
  const { source, destination } = target;
  return [
    source.namespace,
    source.service,
    source.workload,
    destination.namespace,
    destination.service,
  ];
}

function nameOf(target: BypassTarget): string {
  if (target.kind === "workload") return `bypass-${target.workload}`;
  const { source, destination } = target;
  const whom = source.workload ?? source.service ?? "";
  const elsewhere = destination.namespace === source.namespace ? "" : `.${destination.namespace}`;
  return `bypass-${whom}-to-${destination.service}${elsewhere}`.replaceAll("*", "any");
}
