import type { Analyzer } from "../analyzer.ts";
import { listAt, valueAt } from "../fields.ts";

/** IST0157: access logging without a provider. */
export const checkTelemetryProviders: Analyzer = (mesh, report) => {
  const [meshConfig] = mesh.of("MeshConfig");
  const hasDefault = [meshConfig?.spec, meshConfig?.wire].some(
    (one) => listAt(one, "defaultProviders", "accessLogging").length > 0,
  );
  if (hasDefault) return;
  for (const telemetry of mesh.of("Telemetry")) {
    listAt(telemetry.spec, "accessLogging").forEach((logging, index) => {
      if (valueAt(logging, "disabled") === true || listAt(logging, "providers").length > 0) return;
      const why = "its accessLogging names no provider, and the mesh has no default one";
      report(telemetry, "IST0157", { path: ["spec", "accessLogging", index], why });
    });
  }
};
