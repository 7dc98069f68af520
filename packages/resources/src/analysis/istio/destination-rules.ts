import { parseServiceHost } from "../../service-host.ts";
import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { fieldsAt, isFields, labelsAt, listAt, numberAt, textAt, textsAt } from "../fields.ts";
import { formatSelector } from "../label-index.ts";

/** IST0128, 0129: TLS to a server that nothing can verify. */
export const checkCaCertificates: Analyzer = (mesh, report) => {
  for (const rule of mesh.of("DestinationRule")) {
    const { spec } = rule;
    const hasSelector = isFields(spec["workloadSelector"]);
    const host = textAt(spec, "host");
    const judge = (policy: unknown, at: readonly (string | number)[], port: number | undefined) => {
      const mode = textAt(policy, "tls", "mode");
      if (mode !== "SIMPLE" && mode !== "MUTUAL") return;
      if (textAt(policy, "tls", "caCertificates") !== "") return;
      if (textAt(policy, "tls", "credentialName") !== "" && hasSelector) return;
      const where = port === undefined ? "" : ` at port ${port}`;
      const why = `TLS mode ${mode} without caCertificates: the server ${host}${where} is not verified`;
      report(rule, port === undefined ? "IST0128" : "IST0129", { path: [...at, "tls"], why });
    };
    judge(spec["trafficPolicy"], ["spec", "trafficPolicy"], undefined);
    listAt(spec, "trafficPolicy", "portLevelSettings").forEach((settings, index) => {
      const at = ["spec", "trafficPolicy", "portLevelSettings", index];
      judge(settings, at, numberAt(settings, "port", "number") ?? 0);
    });
  }
};

/** IST0173, 0174: rules for hosts that do not exist, subsets that select nothing. */
export const checkSubsets: Analyzer = (mesh, report) => {
  for (const rule of mesh.of("DestinationRule")) {
    const { namespace, spec } = rule;
    const host = textAt(spec, "host");
    const known = mesh.hosts.find(namespace, textsAt(spec, "exportTo"), host);
    if (!known) {
      const hidden = mesh.hosts.hiddenFrom(namespace, host);
      const why = hidden
        ? `the host ${host} is not shown to namespace ${namespace}, only to ${hidden.join(", ")} (exportTo)`
        : `the host ${host} matches no service of the mesh`;
      report(rule, "IST0174", { path: ["spec", "host"], why });
      continue;
    }
    // Workloads of the live mesh serve the service that their label app names.
    const service = known.document === undefined ? parseServiceHost(host, namespace) : undefined;
    listAt(spec, "subsets").forEach((subset, index) => {
      const labels = {
        ...(service ? { app: service.name } : {}),
        ...known.selector,
        ...labelsAt(subset, "labels"),
      };
      if (mesh.running.find(labels, service?.namespace).length > 0) return;
      reportSubset(rule, { subset, index, host, labels }, report);
    });
  }
};

function reportSubset(
  rule: AnalysisDocument,
  {
    subset,
    index,
    host,
    labels,
  }: { subset: unknown; index: number; host: string; labels: Readonly<Record<string, string>> },
  report: Report,
): void {
  const name = textAt(fieldsAt(subset), "name");
  const why = `no workload has the labels of subset ${name} (${formatSelector(labels)}): requests to it get 503 from ${host}`;
  report(rule, "IST0173", { path: ["spec", "subsets", index, "labels"], why });
}
