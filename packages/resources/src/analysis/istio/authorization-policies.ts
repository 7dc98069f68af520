import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { isFields, labelsAt, listAt, textsAt } from "../fields.ts";
import { formatSelector } from "../label-index.ts";
import type { MeshFacts } from "../mesh-facts.ts";

/** IST0127, IST0101: policies that select no workload, or name namespaces that do not exist. */
export const checkAuthorizationPolicies: Analyzer = (mesh, report) => {
  const namespaces = namespacesOf(mesh);
  for (const policy of mesh.of("AuthorizationPolicy")) {
    checkWorkloads(policy, mesh, report);
    if (namespaces !== undefined) checkNamespaces(policy, namespaces, report);
  }
};

function checkWorkloads(policy: AnalysisDocument, mesh: MeshFacts, report: Report): void {
  const { namespace, spec } = policy;
  const hasSelector = isFields(spec["selector"]);
  const isForMesh = namespace === mesh.rootNamespace;
  if (!mesh.knowsWorkloads || (isForMesh && !hasSelector)) return;
  const labels = labelsAt(spec, "selector", "matchLabels");
  const found = mesh.running.find(labels, isForMesh ? undefined : namespace);
  if (found.some(({ isInMesh }) => isInMesh)) return;
  const where = isForMesh ? "the mesh" : `namespace ${namespace}`;
  const why = hasSelector
    ? `no workload of ${where} has the labels ${formatSelector(labels)}: the policy holds for nothing`
    : `there is no workload in ${where}: the policy holds for nothing`;
  report(policy, "IST0127", { ...(hasSelector ? { path: ["spec", "selector"] } : {}), why });
}

function checkNamespaces(
  policy: AnalysisDocument,
  namespaces: ReadonlySet<string>,
  report: Report,
): void {
  listAt(policy.spec, "rules").forEach((rule, ruleAt) => {
    listAt(rule, "from").forEach((from, fromAt) => {
      for (const field of ["namespaces", "notNamespaces"]) {
        textsAt(from, "source", field).forEach((pattern, at) => {
          if (matchesSome(pattern, namespaces)) return;
          report(policy, "IST0101", {
            path: ["spec", "rules", ruleAt, "from", fromAt, "source", field, at],
            why: `namespace not found: ${JSON.stringify(pattern)}`,
            whatToDo: `Correct the name; there are ${[...namespaces].slice(0, 10).join(", ") || "none"}`,
          });
        });
      }
    });
  });
}

/** Those that documents declare, and, of a live mesh, those that something is in; `undefined`: not known. */
function namespacesOf(mesh: MeshFacts): ReadonlySet<string> | undefined {
  const declared = mesh.of("Namespace").map(({ name }) => name);
  if (mesh.registry) {
    const { services, workloads } = mesh.registry;
    return new Set([...declared, ...[...services, ...workloads].map((one) => one.namespace)]);
  }
  return declared.length === 0 ? undefined : new Set(declared);
}

function matchesSome(pattern: string, namespaces: ReadonlySet<string>): boolean {
  if (pattern === "*") return true;
  const names = [...namespaces];
  if (pattern.startsWith("*")) return names.some((name) => name.endsWith(pattern.slice(1)));
  if (pattern.endsWith("*")) return names.some((name) => name.startsWith(pattern.slice(0, -1)));
  return namespaces.has(pattern.toLowerCase()) || namespaces.has(pattern);
}
