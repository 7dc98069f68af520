import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { textAt } from "../fields.ts";

const MAX_NAMED = 3;

/** HDL021: STRICT where somebody was seen to call in plaintext. */
export const checkPlaintextCallers: Analyzer = (mesh, report) => {
  const { plaintextCallers = [], workloads = [] } = mesh.registry ?? {};
  const refused = new Map<AnalysisDocument, Map<string, Set<string>>>();
  for (const { namespace, workload, address } of plaintextCallers) {
    for (const one of workloads) {
      if (one.namespace !== namespace || one.name !== workload) continue;
      const { mode, policy } = mesh.mtlsOf(namespace, one.labels);
      if (mode !== "STRICT" || policy === undefined) continue;
      const ofPolicy = refused.get(policy) ?? new Map<string, Set<string>>();
      refused.set(policy, ofPolicy);
      const name = `${namespace}/${workload}`;
      ofPolicy.set(name, (ofPolicy.get(name) ?? new Set<string>()).add(address));
    }
  }
  for (const [policy, called] of refused) {
    const named = [...called].map(([name, callers]) => `${name} (by ${nameSome([...callers])})`);
    const why = `mode STRICT refuses plaintext, and within the last hour some was sent to ${nameSome(named)}`;
    const isWritten = textAt(policy.spec, "mtls", "mode") !== "";
    report(policy, "HDL021", { path: isWritten ? ["spec", "mtls", "mode"] : ["spec"], why });
  }
};

function nameSome(all: readonly string[]): string {
  const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : "";
  return `${all.toSorted().slice(0, MAX_NAMED).join(", ")}${more}`;
}
