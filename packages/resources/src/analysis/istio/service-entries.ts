import { type AnalysisDocument, keyOf } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { listAt, numberAt, textAt, textsAt, valueAt } from "../fields.ts";
import { scopesOf } from "../host-index.ts";
import { push } from "../label-index.ts";

const DNS_CAPTURE = "ISTIO_META_DNS_CAPTURE";
const AUTO_ALLOCATE = ["ISTIO_META_DNS_AUTO_ALLOCATE", "PILOT_ENABLE_IP_AUTOALLOCATE"];

/** IST0134: TCP hosts without an address. */
export const checkServiceEntryAddresses: Analyzer = (mesh, report) => {
  const isAllocated = mesh.of("MeshConfig").some(({ spec, wire }) => {
    const set = (name: string) =>
      [spec, wire].some(
        (one) => String(valueAt(one, "defaultConfig", "proxyMetadata", name)) === "true",
      );
    return set(DNS_CAPTURE) && AUTO_ALLOCATE.some(set);
  });
  if (isAllocated) return;
  for (const entry of mesh.of("ServiceEntry")) {
    const { spec, wire } = entry;
    if (valueAt(spec, "addresses") != null || listAt(wire, "status", "addresses").length > 0)
      continue;
    listAt(spec, "ports").forEach((port, index) => {
      const protocol = textAt(port, "protocol");
      if (protocol !== "" && protocol.toUpperCase() !== "TCP") return;
      const why = `port ${numberAt(port, "number") ?? 0} is ${protocol === "" ? "of no protocol, so TCP" : "TCP"}, and there are no addresses`;
      report(entry, "IST0134", { path: ["spec", "ports", index], why });
    });
  }
};

type Claim = { readonly entry: AnalysisDocument; readonly protocol: string };

/** IST0177: one host and port with different protocols. */
export const checkServiceEntryProtocols: Analyzer = (mesh, report) => {
  const claims = new Map<string, Claim[]>();
  for (const entry of mesh.of("ServiceEntry")) {
    for (const scope of scopesOf(textsAt(entry.spec, "exportTo"), entry.namespace)) {
      for (const host of textsAt(entry.spec, "hosts")) {
        for (const port of listAt(entry.spec, "ports")) {
          const protocol = textAt(port, "protocol").toUpperCase();
          push(claims, `${scope} ${host} ${numberAt(port, "number") ?? 0}`, { entry, protocol });
        }
      }
    }
  }
  const told = new Set<AnalysisDocument>();
  for (const [key, own] of claims) {
    const [scope, host = "", port = ""] = key.split(" ");
    const all = scope === "*" ? own : [...own, ...(claims.get(`* ${host} ${port}`) ?? [])];
    const protocols = [...new Set(all.map(({ protocol }) => protocol))].sort();
    if (protocols.length < 2) continue;
    const names = [...new Set(all.map(({ entry }) => keyOf(entry)))].sort().join(", ");
    for (const { entry } of all) {
      if (told.has(entry)) continue;
      told.add(entry);
      const why = `${names} give ${host} port ${port} different protocols: ${protocols.join(", ")}`;
      report(entry, "IST0177", { path: ["spec", "ports"], why });
    }
  }
};
