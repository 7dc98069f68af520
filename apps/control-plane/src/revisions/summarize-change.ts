import { formatId } from "@heddle/mesh";
import type { PeerAuthenticationDocument, Resource, VirtualService } from "@heddle/resources";
import { formatRef } from "@heddle/resources";

/** One document before and after, parsed. */
export type ChangedResource = {
  readonly before: Resource | undefined;
  readonly after: Resource | undefined;
};

/** A change in one sentence: "payments v2 to 10 %", "shipping-v3 set to STRICT". */
export function summarizeChange(changes: readonly ChangedResource[]): string {
  const [first] = changes;
  if (!first) return "Nothing changed";
  if (changes.length > 1) return summarizeMany(changes);
  return summarizeSplit(first) ?? summarizeMode(first) ?? summarizePlainly(first);
}

/** Services whose traffic a change shapes, `namespace/name`. */
export function servicesShaped(
  changes: readonly ChangedResource[],
  servicesSelectedBy: (policy: PeerAuthenticationDocument) => readonly string[],
): string[] {
  const services = changes.flatMap(({ before, after }) =>
    [before, after].flatMap((resource) => {
      if (!resource) return [];
      switch (resource.kind) {
        case "VirtualService":
          return resource.services.map(formatId);
        case "DestinationRule":
          return [formatId(resource.service)];
        case "PeerAuthentication":
          return servicesSelectedBy(resource);
        default: {
          // a WorkloadEntry
          const name = resource.labels["app"];
          return name === undefined ? [] : [formatId({ namespace: resource.namespace, name })];
        }
      }
    }),
  );
  return [...new Set(services)].sort();
}

function summarizeSplit({ before, after }: ChangedResource): string | undefined {
  if (after?.kind !== "VirtualService") return undefined;
  const now = plainSplit(after);
  const [service] = after.services;
  if (!now || !service) return undefined;
  const was = before?.kind === "VirtualService" ? plainSplit(before) : undefined;
  if (was && JSON.stringify(was) === JSON.stringify(now)) return undefined; // something else changed
  const [, canary] = now;
  if (now.length === 2 && canary) return `${service.name} ${canary.subset} to ${canary.percent} %`;
  return `${service.name} split ${now.map(({ percent }) => percent).join(" / ")}`;
}

function plainSplit(document: VirtualService) {
  const route = document.routes.find(({ matches }) => matches.length === 0);
  if (!route || route.destinations.length < 2) return undefined;
  const sum = route.destinations.reduce((total, { weight }) => total + weight, 0);
  return route.destinations.map(({ service, subset, weight }) => ({
    subset: subset ?? service.name,
    percent: Math.round((weight / sum) * 1000) / 10,
  }));
}

function summarizeMode({ before, after }: ChangedResource): string | undefined {
  if (after?.kind !== "PeerAuthentication") return undefined;
  if (before?.kind === "PeerAuthentication" && before.mode === after.mode) return undefined;
  return `${subjectOf(after)} set to ${after.mode ?? "UNSET"}`;
}

function subjectOf({ namespace, selector }: PeerAuthenticationDocument): string {
  if (!selector) return namespace === "istio-system" ? "The mesh" : `Namespace ${namespace}`;
  const { app, version, ...others } = selector;
  const rest = Object.entries(others).map(([key, value]) => `${key}=${value}`);
  return [app === undefined ? [] : [version === undefined ? app : `${app}-${version}`], rest]
    .flat()
    .join(", ");
}

function summarizePlainly(change: ChangedResource): string {
  const resource = change.after ?? change.before;
  return resource ? `${verbOf(change)} ${formatRef(resource)}` : "Nothing changed";
}

function summarizeMany(changes: readonly ChangedResource[]): string {
  const names = changes.slice(0, 3).flatMap(({ before, after }) => {
    const resource = after ?? before;
    return resource ? [formatRef(resource)] : [];
  });
  const verbs = new Set(changes.map(verbOf));
  const [verb = "Changed"] = verbs.size === 1 ? verbs : [];
  const more = changes.length > 3 ? ` and ${changes.length - 3} more` : "";
  return `${verb} ${changes.length} documents: ${names.join(", ")}${more}`;
}

function verbOf({ before, after }: ChangedResource): string {
  if (!before) return "Created";
  return after ? "Updated" : "Deleted";
}
