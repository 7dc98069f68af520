import type { Analyzer } from "../analyzer.ts";
import { fieldsAt, isFields, listAt, numberAt, textAt, valueAt } from "../fields.ts";

const REMOVED = new Set(["ClusterRbacConfig", "RbacConfig", "ServiceRole", "ServiceRoleBinding"]);

/** IST0002: fields and kinds that have been given up. */
export const checkDeprecated: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    listAt(document.spec, "http").forEach((route, index) => {
      const percent = numberAt(route, "fault", "delay", "percent");
      if (percent === undefined || percent <= 0) return;
      const delay = ["spec", "http", index, "fault", "delay"];
      const isSafe = valueAt(route, "fault", "delay", "percentage") === undefined;
      report(document, "IST0002", {
        path: [...delay, "percent"],
        why: "fault.delay.percent has been given up for fault.delay.percentage",
        whatToDo: `Write percentage: {value: ${percent}}`,
        ...(isSafe
          ? {
              fix: {
                title: `percentage: {value: ${percent}} in place of percent`,
                edits: [
                  { path: [...delay, "percentage", "value"], value: percent },
                  { path: [...delay, "percent"], value: undefined },
                ],
              },
            }
          : {}),
      });
    });
  }
  for (const document of mesh.of("Sidecar")) {
    if (!isFields(valueAt(document.spec, "outboundTrafficPolicy", "egressProxy"))) continue;
    report(document, "IST0002", {
      path: ["spec", "outboundTrafficPolicy", "egressProxy"],
      why: "outboundTrafficPolicy.egressProxy is ignored",
      whatToDo: "Take it out",
    });
  }
  for (const document of mesh.of("CustomResourceDefinition")) {
    const kind = textAt(document.spec, "names", "kind");
    if (textAt(document.spec, "group") !== "rbac.istio.io" || !REMOVED.has(kind)) continue;
    report(document, "IST0002", {
      path: ["spec", "names", "kind"],
      why: `the kind rbac.istio.io ${kind} has been removed`,
      whatToDo: "Write AuthorizationPolicies instead",
    });
  }
  checkLightstep(mesh, report);
};

/** Tracing by a provider that has been given up. */
const checkLightstep: Analyzer = (mesh, report) => {
  const names = new Set(
    mesh
      .of("MeshConfig")
      .flatMap(({ spec }) => listAt(spec, "extensionProviders"))
      .filter((one) => isFields(fieldsAt(one)["lightstep"]))
      .map((one) => textAt(one, "name")),
  );
  if (names.size === 0) return;
  for (const document of mesh.of("Telemetry")) {
    listAt(document.spec, "tracing").forEach((tracing, index) => {
      listAt(tracing, "providers").forEach((provider, at) => {
        const name = textAt(provider, "name");
        if (!names.has(name)) return;
        report(document, "IST0002", {
          path: ["spec", "tracing", index, "providers", at, "name"],
          why: `the Lightstep provider ${name} has been given up`,
          whatToDo: "Use a provider of kind opentelemetry",
        });
      });
    });
  }
};
