import type { Analyzer } from "../analyzer.ts";
import { listAt, textAt } from "../fields.ts";

const WAYPOINT = ["istio.io/WaypointBound"];
const ROUTES = ["Accepted", "Programmed", "ResolvedRefs"];
/** By kind, the conditions that mean something is wrong when they are False. */
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  Service: WAYPOINT,
  ServiceEntry: WAYPOINT,
  WorkloadEntry: WAYPOINT,
  AuthorizationPolicy: ["ZtunnelAccepted", "WaypointAccepted"],
  KubernetesGateway: ROUTES,
  HTTPRoute: ROUTES,
  GRPCRoute: ROUTES,
};

/** IST0171: what a cluster's controllers have written down about a document says that it failed. */
export const checkConditions: Analyzer = (mesh, report) => {
  for (const [type, watched] of Object.entries(CONDITIONS)) {
    for (const document of mesh.of(type)) {
      const { wire } = document;
      const conditions = [
        ...listAt(wire, "status", "conditions"),
        ...listAt(wire, "status", "parents").flatMap((parent) => listAt(parent, "conditions")),
      ];
      for (const condition of conditions) {
        const kind = textAt(condition, "type");
        const isFalse = watched.includes(kind) && textAt(condition, "status") === "False";
        const reason = textAt(condition, "reason");
        const isPartly =
          type === "AuthorizationPolicy" &&
          kind === "WaypointAccepted" &&
          reason === "PartiallyInvalid";
        if (!isFalse && !isPartly) continue;
        const why = `its status says ${kind}=${textAt(condition, "status")}, ${reason}: ${textAt(condition, "message")}`;
        report(document, "IST0171", { path: ["status"], why });
      }
    }
  }
};
