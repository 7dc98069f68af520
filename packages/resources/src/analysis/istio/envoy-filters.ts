import type { Analyzer } from "../analyzer.ts";
import { isFields, listAt, numberAt, scalarText, textAt, valueAt } from "../fields.ts";

const ROUTES = new Set(["ROUTE_CONFIGURATION", "HTTP_ROUTE"]);
const REPLACEABLE = new Set(["NETWORK_FILTER", "HTTP_FILTER", "VIRTUAL_HOST"]);

/** IST0151 to 0155: patches of Envoy that are ignored, or depend on the order of others. */
export const checkEnvoyFilters: Analyzer = (mesh, report) => {
  /** Of filters that an earlier patch changes for one proxy version only. */
  const versioned = new Set<string>();
  for (const document of mesh.of("EnvoyFilter")) {
    const patches = listAt(document.spec, "configPatches");
    for (const [index, entry] of patches.entries()) {
      if (!isFields(valueAt(entry, "patch"))) break;
      const name = filterNameOf(entry);
      const code = judge(entry, numberAt(document.spec, "priority") ?? 0, versioned.has(name));
      if (code) {
        const operation = textAt(entry, "patch", "operation");
        const why = `patch ${index} is ${operation} of ${textAt(entry, "applyTo")}${REASONS[code] ?? ""}`;
        report(document, code, { path: ["spec", "configPatches", index], why });
      }
      if (textAt(entry, "match", "proxy", "proxyVersion") !== "") versioned.add(name);
    }
  }
};

type PatchCode = "IST0151" | "IST0152" | "IST0153" | "IST0154" | "IST0155";

const REASONS: Readonly<Record<PatchCode, string>> = {
  IST0151: ", relative to other patches, and the document has no priority",
  IST0152: ", which REPLACE cannot do",
  IST0153: ", which ADD cannot do",
  IST0154: ", which REMOVE cannot do",
  IST0155:
    ", relative to a patch that holds for one proxy version, and the document has no priority",
};

function judge(entry: unknown, priority: number, isVersioned: boolean): PatchCode | undefined {
  const target = textAt(entry, "applyTo");
  const relative = priority !== 0 ? undefined : isVersioned ? "IST0155" : "IST0151";
  switch (textAt(entry, "patch", "operation")) {
    case "ADD":
      return ROUTES.has(target) ? "IST0153" : undefined;
    case "REMOVE":
      return ROUTES.has(target) ? "IST0154" : relative;
    case "REPLACE":
      return REPLACEABLE.has(target) ? relative : "IST0152";
    case "INSERT_BEFORE":
    case "INSERT_AFTER":
      return relative;
    default:
      return undefined;
  }
}

function filterNameOf(entry: unknown): string {
  const value = valueAt(entry, "patch", "value");
  if (!isFields(value) || Object.keys(value).length === 0) return "";
  const own = valueAt(value, "name");
  if (own !== undefined) return scalarText(own);
  return textAt(entry, "match", "listener", "filterChain", "filter", "name");
}
