import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { type Fields, fieldsOf, isFields, labelsAt, listAt, textAt } from "../fields.ts";
import { formatSelector } from "../label-index.ts";
import type { MeshFacts } from "../mesh-facts.ts";

/** HDL008, 009, 023 to 026: policies that say more, or less, than they seem to. */
export const checkAuthorization: Analyzer = (mesh, report) => {
  const verified = mesh
    .of("RequestAuthentication")
    .filter(({ spec }) => listAt(spec, "jwtRules").length > 0);
  const authorizers = authorizersOf(mesh);
  for (const policy of mesh.of("AuthorizationPolicy")) {
    const action = textAt(policy.spec, "action") || "ALLOW";
    checkBreadth(policy, action, report);
    checkTokens(policy, verified, mesh, report);
    if (action === "CUSTOM") checkAuthorizer(policy, authorizers, report);
    else checkIdentity(policy, mesh, report);
    if (action === "DENY") checkTcp(policy, report);
  }
};

function checkBreadth(policy: AnalysisDocument, action: string, report: Report): void {
  const rules = listAt(policy.spec, "rules");
  if (action === "ALLOW" && rules.length === 0) {
    const why = "ALLOW without rules: it allows nothing, so every request is denied";
    report(policy, "HDL008", { path: ["spec"], why });
  }
  rules.forEach((rule, index) => {
    const isEmpty = ["from", "to", "when"].every((field) => listAt(rule, field).length === 0);
    if (!isEmpty) return;
    const path = ["spec", "rules", index];
    if (action === "DENY") {
      report(policy, "HDL008", {
        path,
        why: `rule ${index} of DENY is empty: it denies every request`,
      });
    } else if (action === "ALLOW" && rules.length > 1) {
      const why = `rule ${index} is empty: it allows every request, and the ${rules.length - 1} other rules say nothing any more`;
      report(policy, "HDL009", { path, why });
    }
  });
}

function sourcesOf(policy: AnalysisDocument): { source: Fields; path: (string | number)[] }[] {
  return listAt(policy.spec, "rules").flatMap((rule, ruleAt) =>
    listAt(rule, "from").map((from, at) => ({
      source: fieldsOf(fieldsOf(from)["source"]),
      path: ["spec", "rules", ruleAt, "from", at, "source"],
    })),
  );
}

const has = (source: Fields, field: string) => listAt(source, field).length > 0;

function checkTokens(
  policy: AnalysisDocument,
  verified: readonly AnalysisDocument[],
  mesh: MeshFacts,
  report: Report,
): void {
  const bySource = sourcesOf(policy).find(
    ({ source }) => has(source, "requestPrincipals") || has(source, "notRequestPrincipals"),
  );
  const byCondition = listAt(policy.spec, "rules").flatMap((rule, ruleAt) =>
    listAt(rule, "when").flatMap((when, at) =>
      textAt(when, "key").startsWith("request.auth.")
        ? [["spec", "rules", ruleAt, "when", at]]
        : [],
    ),
  )[0];
  const path = bySource?.path ?? byCondition;
  if (!path) return;
  const labels = labelsAt(policy.spec, "selector", "matchLabels");
  const meets = verified.some(({ namespace, spec }) => {
    const isNear = [namespace, policy.namespace].includes(mesh.rootNamespace);
    if (namespace !== policy.namespace && !isNear) return false;
    const others = labelsAt(spec, "selector", "matchLabels");
    return Object.entries(others).every(([name, value]) => (labels[name] ?? value) === value);
  });
  if (meets) return;
  const why = `it asks for what tokens say, and no RequestAuthentication verifies any for its workloads in ${policy.namespace}`;
  report(policy, "HDL024", { path, why });
}

/** `undefined`: no MeshConfig is known here. */
function authorizersOf(mesh: MeshFacts): ReadonlySet<string> | undefined {
  const configs = mesh.of("MeshConfig");
  if (configs.length === 0 && !mesh.registry) return undefined;
  const providers = configs.flatMap(({ spec }) => listAt(spec, "extensionProviders"));
  return new Set(
    providers
      .filter((one) => isFields(fieldsOf(one)["envoyExtAuthzHttp"]))
      .map((one) => textAt(one, "name")),
  );
}

function checkAuthorizer(
  policy: AnalysisDocument,
  authorizers: ReadonlySet<string> | undefined,
  report: Report,
): void {
  const name = textAt(policy.spec, "provider", "name");
  if (!authorizers || authorizers.has(name)) return;
  const why = `MeshConfig has no extension provider ${JSON.stringify(name)} of kind envoyExtAuthzHttp: every request to its workloads is denied`;
  report(policy, "HDL025", { path: ["spec", "provider", "name"], why });
}

const IDENTITIES = [
  "principals",
  "notPrincipals",
  "namespaces",
  "notNamespaces",
  "serviceAccounts",
  "notServiceAccounts",
];

function checkIdentity(policy: AnalysisDocument, mesh: MeshFacts, report: Report): void {
  const asked = sourcesOf(policy).find(({ source }) =>
    IDENTITIES.some((field) => has(source, field)),
  );
  if (!asked || policy.namespace === mesh.rootNamespace) return;
  // Without any PeerAuthentication nothing was decided yet, and there is nothing to contradict.
  if (mesh.of("PeerAuthentication").length === 0) return;
  const labels = labelsAt(policy.spec, "selector", "matchLabels");
  const workloads = mesh.running.find(labels, policy.namespace).map((one) => one.labels);
  const mode = (workloads.length > 0 ? workloads : [labels])
    .map((one) => mesh.mtlsModeOf(policy.namespace, one))
    .find((one) => one !== "STRICT");
  if (mode === undefined) return;
  const why = `it asks who calls, and its workloads in ${policy.namespace} are ${mode}: of a plaintext caller nobody knows`;
  report(policy, "HDL026", { path: asked.path, why });
}

const HTTP_FIELDS = ["hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"];

function checkTcp(policy: AnalysisDocument, report: Report): void {
  listAt(policy.spec, "rules").forEach((rule, ruleAt) => {
    listAt(rule, "to").forEach((to, at) => {
      const operation = fieldsOf(fieldsOf(to)["operation"]);
      const isOfHttp = HTTP_FIELDS.some((field) => has(operation, field));
      if (!isOfHttp || has(operation, "ports") || has(operation, "notPorts")) return;
      const why = `rule ${ruleAt} of DENY asks for ${HTTP_FIELDS.filter((field) => has(operation, field)).join(", ")} alone: on ports that are not HTTP it denies every connection`;
      report(policy, "HDL023", { path: ["spec", "rules", ruleAt, "to", at], why });
    });
  });
}

/** HDL022: policies of other kinds that select no workload (IST0127 is AuthorizationPolicy's). */
export const checkSelectors: Analyzer = (mesh, report) => {
  if (!mesh.knowsWorkloads) return;
  for (const kind of ["PeerAuthentication", "RequestAuthentication", "RateLimit", "ProxyFilter"]) {
    for (const policy of mesh.of(kind)) {
      const labels = labelsAt(policy.spec, "selector", "matchLabels");
      if (Object.keys(labels).length === 0) continue;
      const isForMesh = policy.namespace === mesh.rootNamespace;
      if (mesh.running.find(labels, isForMesh ? undefined : policy.namespace).length > 0) continue;
      const words = Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(", ");
      const why = `no workload of ${isForMesh ? "the mesh" : policy.namespace} has the labels ${words}: the ${kind} holds for nothing`;
      report(policy, "HDL022", { path: ["spec", "selector"], why });
    }
  }
};

/** HDL031: PeerAuthentications that another one, or their place, leaves without effect. */
export const checkPeerAuthentications: Analyzer = (mesh, report) => {
  const seen = new Map<string, AnalysisDocument>();
  for (const policy of mesh.of("PeerAuthentication")) {
    const labels = labelsAt(policy.spec, "selector", "matchLabels");
    const isNarrow = Object.keys(labels).length > 0;
    if (isNarrow && policy.namespace === mesh.rootNamespace) {
      const why = `it has a selector and lies in ${mesh.rootNamespace}, where selectors have no effect`;
      report(policy, "HDL031", { path: ["spec", "selector"], why });
      continue;
    }
    const key = `${policy.namespace} ${formatSelector(labels)}`;
    const other = seen.get(key);
    if (!other) seen.set(key, policy);
    else {
      for (const one of [policy, other]) {
        const rival = one === policy ? other : policy;
        const why = `PeerAuthentication ${rival.namespace}/${rival.name} covers the same; the older of the two holds, the other is ignored`;
        report(one, "HDL031", { path: ["metadata", "name"], why });
      }
    }
  }
};
